"""The tree of the recovery system. What is fetched lies in the user's cache (`tools.virtual_board.cache`)."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import InputError, UnhealthyError
from tools.boards.board import Board
from tools.boards.rauc import system_conf
from tools.virtual_board import cache, debian

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "boot/recovery"
PACKAGES: Final = FOLDER / "packages.txt"
WHEELS: Final = (
    "argon2-cffi",
    "argon2-cffi-bindings",
    "blinker",
    "click",
    "flask",
    "itsdangerous",
    "jeepney",
    "jinja2",
    "markupsafe",
    "waitress",
    "werkzeug",
)
PYTHON: Final = "3.11"
"""Debian 12's, for which the wheels are fetched."""
_MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
_PACKAGES_OF_PYTHON: Final = "usr/lib/python3/dist-packages"
_LIBRARIES: Final = ("lib", "usr/lib")
_OURS: Final = ("storage", "update", "jobs", "console")
# Of Python's library and the packages: tests, what draws windows, what installs or debugs Python itself.
_LEFT_OUT: Final = re.compile(
    r"(^|/)(test|tests|idlelib|tkinter|lib2to3|distutils|ensurepip|pydoc_data|unittest|turtledemo|venv|xmlrpc|wsgiref|"
    r"curses|dbm|pydoc\.py|turtle\.py|doctest\.py|pdb\.py|config-\d.*|__pycache__|[^/]*\.(egg|dist)-info|py\.typed|"
    r"_test[^/]*\.so|xx[^/]*\.so|_ctypes_test[^/]*|_codecs_[^/]*\.so|_curses[^/]*|_dbm[^/]*|_tkinter[^/]*|nis\.[^/]*|"
    r"ossaudiodev[^/]*|audioop[^/]*|_crypt\.[^/]*|[^/]*\.pyi|[^/]*\.[ch])(/|$)"
)
# Of the console: scripts, of which recovery's pages have none.
_NOT_SHOWN: Final = re.compile(r"^static/(js/|css/(kiosk|new|job|avatar|storage|system)\.css)")
_FOLDERS: Final = ("bin", "sbin", "dev", "proc", "sys", "run", "tmp", "root", "etc/mouthpiece", "etc/rauc", "var/lib")


@dataclass(frozen=True, slots=True)
class _Package:
    name: str
    taken: tuple[str, ...]


def build(tree: Path, name: str, board: Board, architecture: str, keyring: Path) -> None:
    """Fill `tree` for the board of that name. `keyring` is the certificate that bundles are signed under.

    `architecture` is Debian's word.
    """
    if architecture not in _MACHINES:
        raise InputError(f"there is no recovery system for {architecture}", hint="give amd64 or arm64")
    for folder in _FOLDERS:
        (tree / folder).mkdir(parents=True)
    system = _system(architecture)
    _take(system, tree)
    _unpack_wheels(_wheels(architecture), tree / _PACKAGES_OF_PYTHON)
    _ours(tree / _PACKAGES_OF_PYTHON / "appliance")
    _libraries(system, tree)
    _compile(tree / "usr/lib")
    _settings(tree, name, board, keyring)


def packages() -> list[_Package]:
    lines = (line.partition("#")[0].split() for line in PACKAGES.read_text().splitlines())
    return [_Package(words[0], tuple(words[1:])) for words in lines if words]


def _system(architecture: str) -> Path:
    """Debian's packages, unpacked one beside the other."""
    names = [f"{package.name}:{architecture}" for package in packages()]

    def fetch(folder: Path) -> None:
        for deb in debian.packages(names, folder):
            debian.unpack(deb, folder)
            deb.unlink()

    return cache.made(cache.place("recovery-system", names), fetch)


def _wheels(architecture: str) -> Path:
    """Wheels for Debian's Python, of the versions that run here."""
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in WHEELS]
    machine = _MACHINES[architecture]

    def fetch(folder: Path) -> None:
        platforms = [f"--platform=manylinux{kind}_{machine}" for kind in ("2014", "_2_17", "_2_26", "_2_28", "_2_34")]
        abis = [f"--abi={abi}" for abi in (f"cp{PYTHON.replace('.', '')}", "abi3", "none")]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--implementation=cp", f"--python-version={PYTHON}", *abis, *platforms, f"--dest={folder}", *wanted]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise UnhealthyError(f"wheels cannot be fetched: {done.stderr.strip()}", hint="connect to the network")

    return cache.made(cache.place("recovery-wheels", [machine, PYTHON, *wanted]), fetch)


def _take(system: Path, tree: Path) -> None:
    """What packages.txt names: programs, links, folders of Python."""
    for package in packages():
        for name in package.taken:
            for found in sorted(system.glob(name)) or [system / name]:
                target = tree / found.relative_to(system)
                if found.is_dir():
                    _copy(found, target)
                else:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(found, target, follow_symlinks=False)


def _copy(source: Path, target: Path) -> None:
    """A folder, without what is left out."""
    for path in sorted(source.rglob("*")):
        inner = path.relative_to(source)
        if path.is_file() and not _LEFT_OUT.search(str(inner)):
            (target / inner).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / inner)


def _unpack_wheels(wheels: Path, target: Path) -> None:
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if not name.endswith("/") and not _LEFT_OUT.search(name):
                    archive.extract(name, target)


def _ours(target: Path) -> None:
    """What recovery runs of this checkout: neither the pipeline nor what only a running box does."""
    package = ROOT / "appliance"
    target.mkdir(parents=True)
    for module in sorted(package.glob("*.py")):
        shutil.copyfile(module, target / module.name)
    for room in _OURS:
        for path in sorted((package / room).rglob("*")):
            inner = path.relative_to(package / room)
            hidden = room == "console" and _NOT_SHOWN.search(inner.as_posix())
            if path.is_file() and "__pycache__" not in inner.parts and not hidden:
                (target / room / inner).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target / room / inner)


def _libraries(system: Path, tree: Path) -> None:
    """Every shared library that something in the tree needs, and the loader; `UnhealthyError` where none has it."""
    known = _known(system)
    waiting = [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink() and _is_elf(path)]
    done: set[str] = set()
    while waiting:
        for name in _needed(waiting.pop()):
            if name in done:
                continue
            done.add(name)
            found = known.get(name)
            if found is None:
                raise UnhealthyError(f"no package has {name}", hint=f"add the one that has it to {PACKAGES}")
            # Where the loader looks by itself, whatever the architecture.
            target = tree / ("lib64" if name.startswith("ld-linux-x86") else "lib") / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found.resolve(), target)
            target.chmod(0o755)
            waiting.append(target)


def _known(system: Path) -> dict[str, Path]:
    """Shared libraries by name. Links that lead out of the packages' own root are followed inside it."""
    found: dict[str, Path] = {}
    for folder in _LIBRARIES:
        for path in sorted((system / folder).rglob("*.so*")):
            if path.resolve().is_file():
                found.setdefault(path.name, path)
    for loader in system.glob("lib64/ld-linux*"):
        name = loader.readlink().name if loader.is_symlink() else loader.name
        found.setdefault(loader.name, found.get(name, loader))
    return found


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _needed(path: Path) -> Iterator[str]:
    """The libraries and the loader that an ELF file names."""
    shown = subprocess.run(["readelf", "-dlW", str(path)], check=True, capture_output=True, text=True).stdout
    yield from re.findall(r"\(NEEDED\)\s+Shared library: \[(.+?)\]", shown)
    yield from (Path(name).name for name in re.findall(r"Requesting program interpreter: (.+?)\]", shown))


def _compile(folder: Path) -> None:
    """Bytecode in place of sources: half as large, and an emulated or small processor starts in a quarter of the time.

    By a Python of the same version, for bytecode knows no other.
    """
    python = shutil.which(f"python{PYTHON}", path="/usr/bin:/usr/local/bin") or sys.executable
    code = "import compileall, py_compile, sys; sys.exit(not compileall.compile_dir(sys.argv[1], quiet=1, legacy=True, "
    code += "stripdir=sys.argv[2], invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH))"
    subprocess.run([python, "-S", "-c", code, str(folder), str(folder)], check=True, env={"PYTHONHASHSEED": "0"})
    for source in folder.rglob("*.py"):
        source.unlink()


def _settings(tree: Path, name: str, board: Board, keyring: Path) -> None:
    shutil.copy(FOLDER / "init", tree / "init")
    (tree / "init").chmod(0o755)
    shutil.copy(FOLDER / "address", tree / "etc/mouthpiece/address")
    (tree / "etc/mouthpiece/address").chmod(0o755)
    shutil.copyfile(FOLDER / "bus.conf", tree / "etc/mouthpiece/bus.conf")
    (tree / "etc/mouthpiece/board.json").write_text(json.dumps(layout(name, board), indent=1) + "\n")
    (tree / "var/run").symlink_to("../run")  # where RAUC and jeepney look for the bus
    (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
    (tree / "etc/group").write_text("root:x:0:\n")
    generated = ROOT / "boot/generated" / name
    if (generated / "fw_env.config").exists():
        shutil.copyfile(generated / "fw_env.config", tree / "etc/fw_env.config")
        # What a new box has, where no copy in flash is whole.
        (tree / "etc/u-boot-initial-env").write_text("BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n")
    # RAUC's own notes lie on the disk, which may be dead.
    text = re.sub(r"(?m)^data-directory=.*$", "data-directory=/run/rauc/data", system_conf(board))
    (tree / "etc/rauc/system.conf").write_text(text)
    shutil.copyfile(keyring, tree / "etc/rauc/keyring.pem")


def layout(name: str, board: Board) -> dict[str, object]:
    """`board.json`, see `appliance.console.recovery.layout`."""
    volumes = board.nand.volumes if board.nand else ()
    return {
        "board": name,
        "title": board.title,
        "disk": board.disk.device,
        "partitions": [
            [part.name, start, part.size or 0]
            for part, start in zip(board.disk.partitions, board.disk.starts, strict=True)
        ],
        # What is no U-Boot lies on the disk, and is its maker's.
        "whole": board.update.bootloader == "uboot",
        "nand": [[volume.name, volume.size or 0, volume.compression] for volume in volumes] or None,
        "environment": bool(board.nor and board.nor.named("env")),
    }
