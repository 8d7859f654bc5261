"""The recipes that make what a board is written with, really run by bitbake, offline and in seconds.

Every other recipe is masked; `yocto-layer/stand-ins` provides what ours are given. They run twice, in folders that
share nothing, and must come to the same bytes; then those who will read the results do: mkimage, libubootenv, sfdisk,
veritysetup, RAUC. The keys are made for the run. Only the bundle differs from run to run: RAUC draws its salt, and
signs the time.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tools.yocto import kas
from tools.yocto.check import Result, complaints, ours

MACHINE: Final = "rock-5b"
STAND_INS: Final = "yocto-layer/stand-ins"
TARGETS: Final = (
    "mouthpiece-bundle",
    "mouthpiece-disk-image",
    "mouthpiece-nand-image",
    "mouthpiece-nor-image",
    "mouthpiece-recovery-fit",
    "mouthpiece-slot-fit",
)
# What the fixed number of seconds stands for: 1 January 2026.
_LOCAL: Final = """
TMPDIR = "${{TOPDIR}}/tmp"
SSTATE_DIR = "${{TOPDIR}}/sstate"
SOURCE_DATE_EPOCH = "1767225600"
MOUTHPIECE_KEYS = "{keys}"
BBMASK += "{masked}"
BBFILE_PATTERN_IGNORE_EMPTY_core = "1"
INHERIT:remove = "create-spdx"
PREFERRED_PROVIDER_virtual/kernel:forcevariable = "kernel-and-boot-loader"
PREFERRED_PROVIDER_virtual/bootloader:forcevariable = "kernel-and-boot-loader"
PREFERRED_PROVIDER_virtual/fakeroot-native = "host-tools-native"
HOSTTOOLS_NONFATAL += "df"
PSEUDO_SYSROOT = ""
FAKEROOTCMD = "{fakeroot}"
FAKEROOTENV = ""
FAKEROOTBASEENV = ""
"""
_MASKED: Final = (
    "/openembedded-core/meta/recipes-",
    "/meta-openembedded/",
    "/meta-rauc/(recipes|dynamic)-",
    "/meta-arm/",
    "/meta-rockchip/",
    "/meta-mouthpiece/recipes-(core|kernel|bsp|python)/",
    "/meta-mouthpiece/recipes-mouthpiece/(images|packagegroups|mouthpiece-.*)/",
    "/meta-mouthpiece/recipes-mouthpiece/.*-initramfs.bb",
    "/meta-mouthpiece/recipes-mouthpiece/recovery/mouthpiece-recovery_",
    "/meta-mouthpiece/recipes-mouthpiece/boot/mouthpiece-slot-init_",
)


def run(folder: Path) -> list[Result]:
    keys = kas.WORK / "execute-keys"
    make_keys(keys)
    deployed = []
    for number in ("1", "2"):
        build = f"execute-{number}"
        for old in ("tmp", "sstate"):
            shutil.rmtree(kas.WORK / build / old, ignore_errors=True)
        log = kas.WORK / f"{build}.log"
        local = _LOCAL.format(keys=keys, masked=" ".join(_MASKED), fakeroot=kas.ROOT / STAND_INS / "files/as-is")
        command = f"bitbake {' '.join(TARGETS)}"
        status = kas.shell(MACHINE, folder, command, log, build=build, extra=local, layer=STAND_INS)
        if status:
            lines = complaints(log.read_text(errors="replace"), ours())
            return [Result("bitbake", False, "\n".join([*lines, f"exit status {status}, {log}"]))]
        deployed.append(kas.WORK / build / "tmp/deploy/images" / MACHINE)
    return [_same(*deployed), *(_read(name, reader, deployed[0], keys) for name, reader in READERS.items())]


def make_keys(folder: Path) -> None:
    """As docs/YOCTO.md shows, without an authority above the key for bundles."""
    if (folder / "keyring.pem").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    request = ["openssl", "req", "-new", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "36500"]
    for key, certificate, more in (
        ("mouthpiece.key", "mouthpiece.crt", []),
        ("bundle.key.pem", "bundle.cert.pem", ["-addext", "extendedKeyUsage=codeSigning"]),
    ):
        names = ["-subj", "/CN=a trial", "-keyout", str(folder / key), "-out", str(folder / certificate)]
        subprocess.run([*request, *more, *names], check=True, capture_output=True)
    shutil.copy(folder / "bundle.cert.pem", folder / "keyring.pem")


def _same(one: Path, other: Path) -> Result:
    sums = [
        {path.name: _digest(path) for path in folder.iterdir() if path.is_file() and path.suffix != ".raucb"}
        for folder in (one, other)
    ]
    different = sorted(name for name in sums[0] | sums[1] if sums[0].get(name) != sums[1].get(name))
    if different:
        return Result("twice the same", False, "\n".join(different))
    return Result("twice the same", True, ", ".join(sorted(sums[0])))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fit(deployed: Path, _: Path) -> str:
    said = []
    for kind in ("slot", "recovery"):
        shown = _tool("mkimage", "-l", str(deployed / f"mouthpiece-{kind}-fit-{MACHINE}.fit"))
        if "sha256,rsa3072:mouthpiece" not in shown:
            raise ValueError(f"{kind}: no signature in\n{shown}")
        said.append(f"{kind}: {', '.join(re.findall(r'Type: +(.+)', shown))}")
    return "; ".join(said)


def _nor(deployed: Path, _: Path) -> str:
    configuration = kas.WORK / "fw_env.config"
    image = deployed / f"mouthpiece-nor-image-{MACHINE}.img"
    configuration.write_text(f"{image} 0x300000 0x10000 0x10000\n{image} 0x310000 0x10000 0x10000\n")
    return " ".join(_tool("fw_printenv", "--config", str(configuration), "--defenv", "/dev/null").split("\n"))


def _disk(deployed: Path, _: Path) -> str:
    shown = _tool("sfdisk", "--verify", str(deployed / f"mouthpiece-disk-image-{MACHINE}.img"))
    if "No errors detected" not in shown:
        raise ValueError(shown)
    return "no errors in its table"


def _verity(deployed: Path, _: Path) -> str:
    image = deployed / f"mouthpiece-image-{MACHINE}.rootfs.squashfs-zst.verity"
    parameters = (deployed / f"mouthpiece-image-{MACHINE}.rootfs.verity-parameters").read_text()
    values = dict(line.split("=") for line in parameters.split())
    where = f"--hash-offset={values['VERITY_OFFSET']}"
    _tool("veritysetup", "verify", where, str(image), str(image), values["VERITY_ROOT_HASH"])
    return f"root hash {values['VERITY_ROOT_HASH'][:16]}…"


def _bundle(deployed: Path, keys: Path) -> str:
    bundle = deployed / f"mouthpiece-bundle-{MACHINE}.raucb"
    configuration = kas.WORK / "rauc.conf"
    keyring = f"[keyring]\npath={keys / 'keyring.pem'}\ncheck-purpose=codesign\n"
    configuration.write_text(f"[system]\ncompatible=mouthpiece-{MACHINE}\nbootloader=noop\n{keyring}")
    shown = _tool("rauc", f"--conf={configuration}", "info", "--output-format=shell", str(bundle))
    found = dict(re.findall(r"^(RAUC_\w+)='?([^'\n]*)", shown, re.MULTILINE))
    if found.get("RAUC_MF_COMPATIBLE") != f"mouthpiece-{MACHINE}" or found.get("RAUC_MF_IMAGES") != "2":
        raise ValueError(shown)
    return f"for {found['RAUC_MF_COMPATIBLE']}, {found['RAUC_MF_IMAGES']} images"


READERS: Final[dict[str, Callable[[Path, Path], str]]] = {
    "FIT": _fit,
    "NOR": _nor,
    "disk": _disk,
    "root": _verity,
    "bundle": _bundle,
}


def _read(name: str, reader: Callable[[Path, Path], str], deployed: Path, keys: Path) -> Result:
    try:
        return Result(name, True, reader(deployed, keys))
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
        return Result(name, False, f"{error}\n{said or ''}")


def _tool(*command: str) -> str:
    found = shutil.which(command[0], path="/usr/bin:/usr/sbin:/bin:/sbin") or command[0]
    return subprocess.run([found, *command[1:]], check=True, capture_output=True, text=True).stdout
