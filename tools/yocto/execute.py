"""The recipes that make what a board is written with, really run by bitbake, offline and in seconds.

Every other recipe is masked; `yocto-layer/stand-ins` provides what ours are given. They run twice, in folders that
share nothing, and must come to the same bytes; then those who will read the results do: mkimage, libubootenv, sfdisk,
veritysetup, RAUC. The keys are made for the run. Only the bundle differs from run to run: RAUC draws its salt, and
signs the time.

For the virtual board they are given real parts (`virtual`), and tests/board/test_yocto_images.py starts what they make;
`deployed` says where it lies.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.boards.board import ENVIRONMENT
from tools.images.__main__ import board
from tools.virtual_board.board import NAME
from tools.yocto import kas, virtual
from tools.yocto.check import Result, complaints, ours

VIRTUAL: Final = "qemuarm64"
BOARDS: Final = {"rock-5b": "rock-5b", VIRTUAL: NAME}
"""Machines, and what boot/boards calls them."""
STAND_INS: Final = "yocto-layer/stand-ins"
_ERASED: Final = b"\xff"
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
_VIRTUAL: Final = """
MOUTHPIECE_FIRMWARE = "{firmware}"
STAND_INS_PARTS = "{parts}"
"""
_MASKED: Final = (
    "/openembedded-core/meta/recipes-",
    "/meta-openembedded/",
    "/meta-rauc/(recipes|dynamic)-",
    "/meta-arm/",
    "/meta-rockchip/",
    "/meta-mouthpiece/recipes-(core|kernel|bsp/u-boot|python)/",
    "/meta-mouthpiece/recipes-mouthpiece/(images|packagegroups|mouthpiece-.*)/",
    "/meta-mouthpiece/recipes-mouthpiece/.*-initramfs.bb",
    "/meta-mouthpiece/recipes-mouthpiece/recovery/mouthpiece-recovery_",
    "/meta-mouthpiece/recipes-mouthpiece/boot/mouthpiece-slot-init_",
)


@dataclass(frozen=True, slots=True)
class Made:
    """What a run deployed for a machine, and who signed it."""

    machine: str
    folder: Path
    keys: Path

    def file(self, name: str, ending: str) -> Path:
        return self.folder / f"{name}-{self.machine}{ending}"


def deployed(machine: str, number: int = 1) -> Path:
    return kas.WORK / f"execute-{machine}-{number}" / "tmp/deploy/images" / machine


def run(folder: Path, machine: str) -> list[Result]:
    keys = kas.WORK / "execute-keys"
    make_keys(keys)
    local = _LOCAL.format(keys=keys, masked=" ".join(_MASKED), fakeroot=kas.ROOT / STAND_INS / "files/as-is")
    if machine == VIRTUAL:
        given = kas.WORK / "execute-given"
        local += _VIRTUAL.format(
            firmware=virtual.firmware(given / "firmware", keys), parts=virtual.parts(given / "parts", keys)
        )
    for number in (1, 2):
        build = f"execute-{machine}-{number}"
        for old in ("tmp", "sstate"):
            shutil.rmtree(kas.WORK / build / old, ignore_errors=True)
        log = kas.WORK / f"{build}.log"
        status = kas.shell(
            machine, folder, f"bitbake {' '.join(TARGETS)}", log, build=build, extra=local, layer=STAND_INS
        )
        if status:
            lines = complaints(log.read_text(errors="replace"), ours())
            return [Result("bitbake", False, "\n".join([*lines, f"exit status {status}, {log}"]))]
    made = Made(machine, deployed(machine), keys)
    same = _same(made.folder, deployed(machine, 2))
    return [same, *(_read(name, reader, made) for name, reader in READERS.items())]


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


def _fit(made: Made) -> str:
    said = []
    for kind in ("slot", "recovery"):
        shown = _tool("mkimage", "-l", str(made.file(f"mouthpiece-{kind}-fit", ".fit")))
        if "sha256,rsa3072:mouthpiece" not in shown:
            raise ValueError(f"{kind}: no signature in\n{shown}")
        said.append(f"{kind}: {', '.join(re.findall(r'Type: +(.+)', shown))}")
    return "; ".join(said)


def _nor(made: Made) -> str:
    nor = board(BOARDS[made.machine]).nor
    assert nor is not None  # noqa: S101  these boards have one
    copies = [one for one in nor.partitions if one.name in ENVIRONMENT]
    image = made.file("mouthpiece-nor-image", ".img")
    configuration = kas.WORK / "fw_env.config"
    configuration.write_text("".join(f"{image} {one.offset:#x} {one.size:#x} {nor.erase:#x}\n" for one in copies))
    shown = _tool("fw_printenv", "--config", str(configuration), "--defenv", "/dev/null")
    if "BOOT_ORDER=" not in shown:
        raise ValueError(f"it has no environment: {shown}")
    return " ".join(shown.split())


def _disk(made: Made) -> str:
    shown = _tool("sfdisk", "--verify", str(made.file("mouthpiece-disk-image", ".img")))
    if "No errors detected" not in shown:
        raise ValueError(shown)
    return "no errors in its table"


def _recovery(made: Made) -> str:
    """Where U-Boot will find it: on the disk in any case, and in the NOR where it fits."""
    described = board(BOARDS[made.machine])
    wanted = made.file("mouthpiece-recovery-fit", ".fit").read_bytes()
    if _on_disk(made, "recovery", len(wanted)) != wanted:
        raise ValueError("the disk's recovery is another one")
    partition = described.nor.named("recovery") if described.nor else None
    assert partition is not None  # noqa: S101  these boards have one
    in_nor = _content(made.file("mouthpiece-nor-image", ".img"), partition.offset, partition.size)
    if len(wanted) > partition.size:
        if in_nor.strip(_ERASED):
            raise ValueError("recovery does not fit the NOR, whose partition is not empty")
        return f"{len(wanted)} bytes, on the disk; too large for the NOR"
    if not in_nor.startswith(wanted):
        raise ValueError("the NOR's recovery is another one")
    return f"{len(wanted)} bytes, on the disk and in the NOR"


def _firmware(made: Made) -> str:
    """Where the chip's ROM will find it, and in the bundle for both places."""
    disk, nor = made.file("u-boot-rockchip", ".bin"), made.file("u-boot-rockchip-spi", ".bin")
    if not disk.exists():
        return "the bundle brings none"
    wanted = {"firmware.img": disk.read_bytes(), "firmware-nor.img": nor.read_bytes()}
    if _on_disk(made, "u-boot", disk.stat().st_size) != wanted["firmware.img"]:
        raise ValueError("the disk's firmware is another one")
    if _content(made.file("mouthpiece-nor-image", ".img"), 0, nor.stat().st_size) != wanted["firmware-nor.img"]:
        raise ValueError("the NOR's firmware is another one")
    folder = kas.WORK / "bundle"
    shutil.rmtree(folder, ignore_errors=True)
    _tool("rauc", f"--conf={_rauc(made)}", "extract", str(made.file("mouthpiece-bundle", ".raucb")), str(folder))
    for name, content in wanted.items():
        if (folder / name).read_bytes() != content:
            raise ValueError(f"the bundle's {name} is another one")
    refused = subprocess.run(
        [folder / "hook", "install-check"],
        env={"RAUC_SYSTEM_COMPATIBLE": "another", "RAUC_MF_COMPATIBLE": f"mouthpiece-{made.machine}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if "this box is a another" not in refused.stderr:
        raise ValueError(f"the bundle's hook does not run: {refused.stderr}")
    return f"{disk.stat().st_size} bytes on the disk, {nor.stat().st_size} in the NOR, and both in the bundle"


def _on_disk(made: Made, partition: str, length: int) -> bytes:
    disk = made.file("mouthpiece-disk-image", ".img")
    table = json.loads(_tool("sfdisk", "--json", str(disk)))["partitiontable"]
    start = next(one["start"] for one in table["partitions"] if one["name"] == partition) * table["sectorsize"]
    return _content(disk, start, length)


def _content(image: Path, start: int, length: int) -> bytes:
    with image.open("rb") as file:
        file.seek(start)
        return file.read(length)


def _verity(made: Made) -> str:
    image = made.file("mouthpiece-image", ".rootfs.squashfs-zst.verity")
    parameters = made.file("mouthpiece-image", ".rootfs.verity-parameters").read_text()
    values = dict(line.split("=") for line in parameters.split())
    where = f"--hash-offset={values['VERITY_OFFSET']}"
    _tool("veritysetup", "verify", where, str(image), str(image), values["VERITY_ROOT_HASH"])
    return f"root hash {values['VERITY_ROOT_HASH'][:16]}…"


def _bundle(made: Made) -> str:
    bundle = made.file("mouthpiece-bundle", ".raucb")
    shown = _tool("rauc", f"--conf={_rauc(made)}", "info", "--output-format=shell", str(bundle))
    found = dict(re.findall(r"^(RAUC_\w+)='?([^'\n]*)", shown, re.MULTILINE))
    wanted = {one.image for one in board(BOARDS[made.machine]).disk.partitions if one.image}
    classes = re.findall(r"^RAUC_IMAGE_CLASS_\d+='?([\w-]+)", shown, re.MULTILINE)
    if found.get("RAUC_MF_COMPATIBLE") != f"mouthpiece-{made.machine}" or set(classes) != wanted:
        raise ValueError(shown)
    return f"for {found['RAUC_MF_COMPATIBLE']}, with {', '.join(classes)}"


def _rauc(made: Made) -> Path:
    """A configuration that trusts the run's key."""
    configuration = kas.WORK / "rauc.conf"
    keyring = f"[keyring]\npath={made.keys / 'keyring.pem'}\ncheck-purpose=codesign\n"
    configuration.write_text(f"[system]\ncompatible=mouthpiece-{made.machine}\nbootloader=noop\n{keyring}")
    return configuration


READERS: Final[dict[str, Callable[[Made], str]]] = {
    "FIT": _fit,
    "NOR": _nor,
    "disk": _disk,
    "recovery": _recovery,
    "firmware": _firmware,
    "root": _verity,
    "bundle": _bundle,
}


def _read(name: str, reader: Callable[[Made], str], made: Made) -> Result:
    try:
        return Result(name, True, reader(made))
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
        return Result(name, False, f"{error}\n{said or ''}")


def _tool(*command: str) -> str:
    found = shutil.which(command[0], path="/usr/bin:/usr/sbin:/bin:/sbin") or command[0]
    return subprocess.run([found, *command[1:]], check=True, capture_output=True, text=True).stdout
