"""The device trees that boards really have, to try overlays on: fetched, not kept here.

    virt-arm64          QEMU writes down the tree that it gives its guests
    rock-5b             Debian's arm64 kernel ships it, without `__symbols__`
    jetson-orin-nano    the kernel's source of it, as Debian's source of U-Boot carries it; Debian's kernel has none

Compiled trees lie in the cache of `tools.virtual_board`. `fetch` raises `UnhealthyError` where a program or the network
is missing.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from appliance.errors import UnhealthyError
from tools.virtual_board import cache, debian, qemu

KERNELS: Final = ("linux-image-6.12-arm64", "linux-image-arm64")
"""Debian 12's newer kernel, and Debian 13's."""
_JETSON: Final = "tegra234-p3768-0000+p3767-0005"


def fetch(board: str) -> Path:
    """The compiled tree of a board of `boot/boards`."""
    place = cache.place(f"device-tree-{board}", [Path(__file__).read_bytes()])
    return cache.made(place, lambda folder: _MAKERS[board](folder)) / "board.dtb"


def _virt(folder: Path) -> None:
    try:
        qemu.build()
        qemu.device_tree(folder / "board.dtb")
    except subprocess.CalledProcessError as error:
        raise UnhealthyError(f"QEMU does not run: {error.stderr.decode().strip()[-300:]}") from error


def _rock_5b(folder: Path) -> None:
    state = folder / "apt"
    for name in ("lists/partial", "archives/partial"):
        (state / name).mkdir(parents=True)
    (state / "status").touch()
    # This machine's sources, for another architecture, with a state of their own: nothing of it is touched.
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "Dir::State::Lists": state / "lists",
        "Dir::State::Status": state / "status",
        "Dir::Cache::Archives": state / "archives",
        "Dir::Cache::PkgCache": "",
        "Dir::Cache::SrcPkgCache": "",
        "APT::Sandbox::User": "root",
    }
    options = [f"--option={key}={value}" for key, value in settings.items()]
    _run(["apt-get", "--quiet", *options, "update"], folder)
    for kernel in KERNELS:
        depends = _run(["apt-cache", *options, "depends", kernel], folder, check=False)
        packages = [line.split()[-1] for line in depends.splitlines() if "Depends: linux-image" in line]
        if packages:
            break
    else:
        raise UnhealthyError(f"none of {', '.join(KERNELS)} is known to apt", hint="Debian 12 with security, or 13")
    _run(["apt-get", "--quiet", *options, "download", packages[0]], folder)
    (package,) = folder.glob("*.deb")
    debian.unpack(package, folder / "package")
    (found,) = (folder / "package").glob("usr/lib/linux-image-*/rockchip/rk3588-rock-5b.dtb")
    found.rename(folder / "board.dtb")
    for rubbish in (state, folder / "package"):
        shutil.rmtree(rubbish)
    package.unlink()


def _jetson(folder: Path) -> None:
    source = cache.made(cache.place("u-boot-source", [debian.SOURCE_SUITE]), _u_boot)
    (archive,) = source.glob("*.orig.tar.*")
    tree = folder / "tree"
    tree.mkdir()
    _run(["tar", "-xf", str(archive), "--strip-components=1", "--wildcards", "*/dts/upstream/*"], tree)
    upstream = tree / "dts/upstream"
    path = upstream / f"src/arm64/nvidia/{_JETSON}.dts"
    options = ["-nostdinc", "-undef", "-D__DTS__", "-x", "assembler-with-cpp", "-I", str(upstream / "include")]
    text = _run(["cpp", *options, str(path)], folder)
    (folder / "board.dts").write_text(text)
    _run(["dtc", "-q", "-@", "-O", "dtb", "-o", "board.dtb", "board.dts"], folder)
    shutil.rmtree(tree)


def _u_boot(folder: Path) -> None:
    debian.source("u-boot", folder)


_MAKERS: Final[Mapping[str, Callable[[Path], None]]] = {
    "virt-arm64": _virt,
    "rock-5b": _rock_5b,
    "jetson-orin-nano": _jetson,
}


def _run(command: list[str], folder: Path, *, check: bool = True) -> str:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=check).stdout
    except FileNotFoundError as error:
        raise UnhealthyError(f"{command[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        raise UnhealthyError(f"{command[0]} failed: {error.stderr.strip()[-300:]}") from error
