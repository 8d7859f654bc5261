"""What the virtual board's root stands on: Debian's arm64 packages, the wheels that pyproject.toml pins, the modules of
our kernel.

`build` gives a folder with a tree, made without root's rights and without running a line of it: packages are unpacked,
users come from systemd's own tables, byte code is made here. Every file belongs to root once it is in an image. What
is of no use on a box without a package manager is left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

from appliance.errors import UnhealthyError
from tools.virtual_board import board, cache, debian, linux

CHECKOUT: Final = board.BOOT.parent
PYTHON: Final = (3, 11)
"""That of the Debian release whose packages these are."""
LIBRARY: Final = "usr/lib/python3/dist-packages"
_KEPT: Final = 2
_PACKAGES: Final = Path(__file__).with_name("root-packages.txt")
_PLATFORMS: Final = (
    "manylinux_2_28_aarch64",
    "manylinux_2_27_aarch64",
    "manylinux_2_17_aarch64",
    "manylinux2014_aarch64",
)
_MERGED: Final = ("bin", "sbin", "lib")
_LINKS: Final = {
    "usr/bin/sh": "dash",
    "usr/bin/awk": "mawk",
    "etc/mtab": "../proc/self/mounts",
    # Made at each start (overlay): this machine's ldconfig knows no arm64.
    "etc/ld.so.cache": "../run/ld.so.cache",
}
"""What the packages' scripts would make."""
_UNUSED_PACKAGES: Final = (
    *("adduser", "debconf", "dpkg", "init-system-helpers", "libdebconfclient0", "usrmerge"),
    *("libperl", "perl", "libfile-find-rule-perl", "libnumber-compare-perl", "libtext-glob-perl"),
)
_LOGINS: Final = "usr/lib/systemd/system-generators/systemd-getty-generator"
"""Starts a log-in prompt on every console; no account has a password."""
_UNUSED_FILES: Final = (
    *("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/share/bug"),
    *("usr/share/bash-completion", "usr/share/zsh", "usr/lib/udev/hwdb.d", "usr/lib/systemd/user", "usr/games"),
    *("var", "boot", "media", "mnt", "opt", f"{LIBRARY}/bin"),
)


def build() -> Path:
    """The folder with the tree; some minutes the first time, most of them spent on compiling Python."""
    if sys.version_info[:2] != PYTHON:
        wanted = ".".join(map(str, PYTHON))
        raise UnhealthyError(
            f"the root's byte code is made by Python {wanted}; this is {sys.version.split()[0]}",
            hint=f"make .venv with Python {wanted}",
        )
    recipe: list[str | bytes] = [
        Path(__file__).read_bytes(),
        _PACKAGES.read_bytes(),
        *_requirements(),
        linux.place().name,
    ]
    made = cache.made(cache.place("base", recipe), _make)
    cache.keep_newest("base", _KEPT)
    return made


def _requirements() -> list[str]:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    return list(project["dependencies"])


def _make(tree: Path) -> None:
    debs = tree / "debs"
    debs.mkdir()
    names = [line.split("#")[0].strip() for line in _PACKAGES.read_text().splitlines()]
    found = debian.closure([name for name in names if name], debs)
    for name in _MERGED:
        (tree / "usr" / name).mkdir(parents=True, exist_ok=True)
        (tree / name).symlink_to(f"usr/{name}")
    for deb in found:
        if not deb.name.startswith(tuple(f"{name}_" for name in _UNUSED_PACKAGES)) and "perl" not in deb.name:
            debian.unpack_over(deb, tree)
    shutil.rmtree(debs)
    _install_wheels(tree / LIBRARY)
    _install_modules(tree)
    for name in _UNUSED_FILES:
        shutil.rmtree(tree / name, ignore_errors=True)
    (tree / _LOGINS).unlink()
    for name in ("dev", "proc", "sys", "run", "tmp", "var"):
        (tree / name).mkdir(exist_ok=True)
    for name, program in _LINKS.items():
        (tree / name).unlink(missing_ok=True)
        (tree / name).symlink_to(program)
    for name in ("passwd", "group"):
        shutil.copy(tree / f"usr/share/base-passwd/{name}.master", tree / "etc" / name)
    for name in ("usr/lib/python3.11", LIBRARY):
        compile_python(tree, name)


def compile_python(tree: Path, name: str) -> None:
    """Make the byte code of everything below a folder of the tree; it counts whatever the time of the source."""
    command = [sys.executable, "-m", "compileall", "-q", f"-j{os.cpu_count()}", "--invalidation-mode=unchecked-hash"]
    # Some packages bring sources that no Python compiles, for tests of theirs.
    subprocess.run([*command, "-s", str(tree), "-p", "/", str(tree / name)], stdout=subprocess.DEVNULL)


def _install_wheels(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(target)]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON[0]}.{PYTHON[1]}"]
    command += [f"--platform={platform}" for platform in _PLATFORMS]
    subprocess.run([*command, *_requirements()], check=True)


def _install_modules(tree: Path) -> None:
    modules = linux.build() / "modules"
    ask = ["/sbin/modinfo", "--field", "vermagic", str(next(modules.glob("*.ko")))]
    release = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.split()[0]
    shutil.copytree(modules, tree / "usr/lib/modules" / release)
    # It complains that lists for ordering are not there; the few modules have no order.
    subprocess.run(["/sbin/depmod", "--basedir", str(tree / "usr"), release], check=True, capture_output=True)
