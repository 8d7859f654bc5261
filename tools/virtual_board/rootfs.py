"""A slot's root file system: `base`, rootfs-overlay, the board's generated files, the runtime; squashfs, dm-verity.

    root.img       squashfs, then the hash tree of dm-verity
    verity         the table that opens it, with `@DEVICE@` where the block device belongs

The root hash stands in the table, and the table in the initramfs of the slot's signed FIT (`system`). Nothing in the
image is writable; what is writable on a running box, rootfs-overlay's fstab names.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.virtual_board import base, board, cache, keys

OVERLAYS: Final = (base.CHECKOUT / "rootfs-overlay", Path(__file__).parent / "overlay")
"""What every board's image has, then what only this one needs."""
_BLOCK: Final = 4096
_KEPT: Final = 6
"""Images of 200 MB; more than a test makes."""
_GENERATED: Final = {
    "fw_env.config": "etc/fw_env.config",
    "system.conf": "etc/rauc/system.conf",
    "nandsim.conf": "etc/modprobe.d/nandsim.conf",
    "ubinize.cfg": "usr/lib/mouthpiece/ubinize.cfg",
}
_COMMAND: Final = "#!/usr/bin/python3\nfrom appliance.cli import main\n\nmain()\n"


def build(version: str, extra: Mapping[str, str] | None = None) -> Path:
    """The folder with the image of `version`. `extra` maps paths to contents laid over all else."""
    extra = dict(extra or {})
    tree = base.build()
    recipe: list[str | bytes] = [Path(__file__).read_bytes(), tree.name, keys.authority().name, version, repr(extra)]
    for path in _files():
        recipe += [str(path.relative_to(base.CHECKOUT)), oct(path.lstat().st_mode), path.read_bytes()]
    made = cache.made(cache.place("root", recipe), lambda target: _make(target, tree, version, extra))
    cache.keep_newest("root", _KEPT)
    return made


def _files() -> list[Path]:
    """Everything of the checkout that goes into an image."""
    found = [board.GENERATED / name for name in _GENERATED]
    for folder in (*OVERLAYS, base.CHECKOUT / "appliance"):
        found += [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return sorted(found)


def _make(target: Path, foundation: Path, version: str, extra: Mapping[str, str]) -> None:
    tree = target / "tree"
    # Links save the copying; what is laid over is written anew, never through a link.
    subprocess.run(["cp", "--archive", "--link", str(foundation), str(tree)], check=True)
    for overlay in OVERLAYS:
        for path in overlay.rglob("*"):
            if path.is_file() and path.name != "README.md":
                _lay(tree / path.relative_to(overlay), path.read_bytes(), path.stat().st_mode)
    for name, place in _GENERATED.items():
        _lay(tree / place, (board.GENERATED / name).read_bytes())
    _lay(tree / "etc/rauc/keyring.pem", (keys.authority() / keys.AUTHORITY).read_bytes())
    runtime = tree / base.LIBRARY / "appliance"
    shutil.copytree(base.CHECKOUT / "appliance", runtime, ignore=shutil.ignore_patterns("__pycache__"))
    base.compile_python(tree, f"{base.LIBRARY}/appliance")
    _lay(tree / "usr/bin/mouthpiece", _COMMAND.encode(), 0o755)
    names = f'ID=mouthpiece\nNAME=Mouthpiece\nPRETTY_NAME="Mouthpiece {version}"\nIMAGE_VERSION={version}\n'
    _lay(tree / "usr/lib/os-release", names.encode())
    # Empty: made anew in memory at each start. Missing, it would be a first boot, which wants to write to /etc.
    _lay(tree / "etc/machine-id", b"")
    _lay(tree / "etc/hostname", b"mouthpiece\n")
    for name, content in extra.items():
        _lay(tree / name, content.encode())
    # Not through the links to the foundation's files.
    for name in ("passwd", "group"):
        _lay(tree / "etc" / name, (tree / "etc" / name).read_bytes())
    subprocess.run(["systemd-sysusers", f"--root={tree}"], check=True, capture_output=True)
    for name in ("shadow", "gshadow"):
        (tree / "etc" / name).chmod(0o600)
    subprocess.run(["systemctl", f"--root={tree}", "preset-all", "--preset-mode=full"], check=True, capture_output=True)
    _pack(tree, target / "root.img")
    (target / "verity").write_text(add_hashes(target / "root.img"))
    shutil.rmtree(tree)


def _lay(place: Path, content: bytes, mode: int = 0o644) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.write_bytes(content)
    place.chmod(mode & 0o777)


def _pack(tree: Path, image: Path) -> None:
    """The same tree gives the same bytes."""
    command = ["mksquashfs", str(tree), str(image), "-comp", "zstd", "-Xcompression-level", "9", "-b", "131072"]
    command += ["-all-root", "-no-xattrs", "-noappend", "-quiet", "-no-progress", "-all-time", "0", "-mkfs-time", "0"]
    without = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    subprocess.run(command, check=True, capture_output=True, env=without)


def add_hashes(image: Path) -> str:
    """Append the hash tree to `image`, which mksquashfs has padded; the table that opens both."""
    blocks = image.stat().st_size // _BLOCK
    with image.open("rb") as file:
        # Of the content, so that the same content gives the same tree; a secret it need not be.
        salt = hashlib.file_digest(file, "sha256").hexdigest()
    command = ["/sbin/veritysetup", "format", "--no-superblock", "--hash=sha256", f"--salt={salt}"]
    command += [f"--data-block-size={_BLOCK}", f"--hash-block-size={_BLOCK}"]
    command += [f"--data-blocks={blocks}", f"--hash-offset={blocks * _BLOCK}", str(image), str(image)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    top = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)["Root hash"].strip()
    # An altered block ends the system that was about to run it; the boot loader counts how often.
    kind = f"verity 1 @DEVICE@ @DEVICE@ {_BLOCK} {_BLOCK} {blocks} {blocks} sha256 {top} {salt}"
    return f"0 {blocks * _BLOCK // 512} {kind} 1 restart_on_corruption\n"
