"""In the guest: flash chips like the virtual board's, set up from the files that `make boards` wrote for it.

The NOR is memory behind the kernel's interface (mtdram), the NAND is nandsim; a real board's drivers are not tried.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.board.guest import CHECKOUT
from tests.board.inside.facts import Facts, until
from tools.boards import source

FOLDER: Final = CHECKOUT / "boot/generated/virt-arm64"
LINKS: Final = Path("/dev/mtd/by-name")


def do(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    facts = Facts()
    nor(facts)
    nand(facts)


def nor(facts: Facts) -> None:
    board, _ = source.read(CHECKOUT / "boot/boards/virt-arm64.toml")
    assert board.nor
    do("modprobe", "mtdram", f"total_size={board.nor.size // 1024}", f"erase_size={board.nor.erase // 1024}")
    do("/lib/systemd/systemd-udevd", "--daemon")
    # The kernel has no driver here that reads mtdparts, so the partitions are made one by one.
    _, _, parts = (FOLDER / "mtdparts").read_text().strip().partition(":")
    for size, offset, name in re.findall(r"(0x\w+)@(0x\w+)\(([\w-]+)\)", parts):
        do("mtdpart", "add", "/dev/mtd0", name, str(int(offset, 16)), str(int(size, 16)))
    names = [part.name for part in board.nor.partitions]
    until(lambda: all((LINKS / name).exists() for name in names), "links to the partitions")
    facts["links"] = {name: Path("/sys/class/mtd", (LINKS / name).resolve().name, "name").read_text() for name in names}


def nand(facts: Facts) -> None:
    shutil.copy(FOLDER / "nandsim.conf", "/etc/modprobe.d/nandsim.conf")
    for module in ("ubifs", "zstd", "lzo", "nandsim"):
        do("modprobe", module)
    (mtd,) = (path.parent.name for path in Path("/sys/class/mtd").glob("mtd*/type") if path.read_text() == "nand\n")
    about = Path("/sys/class/mtd", mtd)
    shape = ("size", "erasesize", "writesize", "subpagesize", "oobsize")
    facts["chip"] = chip = {name: int((about / name).read_text()) for name in shape}
    image = "/run/ubi.img"
    options = re.search(r"ubinize (-m .*) -o", (FOLDER / "ubinize.cfg").read_text())
    assert options
    do("ubinize", *options[1].split(), "-o", image, FOLDER / "ubinize.cfg")
    do("ubiformat", f"/dev/{mtd}", "--yes", "--quiet", "-s", str(chip["subpagesize"]), "-f", image)
    do("ubiattach", "-p", f"/dev/{mtd}")
    ubi = Path("/sys/class/ubi")
    facts["leb"] = int((ubi / "ubi0/eraseblock_size").read_text())
    volumes = {(path / "name").read_text().strip(): path for path in sorted(ubi.glob("ubi0_*"))}
    facts["volumes"] = {name: int((path / "reserved_ebs").read_text()) for name, path in volumes.items()}
    facts["left"] = int((ubi / "ubi0/avail_eraseblocks").read_text())
    board, _ = source.read(CHECKOUT / "boot/boards/virt-arm64.toml")
    assert board.nand
    for volume in board.nand.volumes:
        place = Path("/mnt", volume.name)
        place.mkdir()
        do("mount", "-t", "ubifs", "-o", f"compr={volume.compression}", f"ubi0:{volume.name}", place)
        (place / "file").write_text("kept\n")
        do("umount", place)
        do("mount", "-t", "ubifs", "-o", f"ro,compr={volume.compression}", f"ubi0:{volume.name}", place)
        facts[f"in {volume.name}"] = (place / "file").read_text()


if __name__ == "__main__":
    main()
