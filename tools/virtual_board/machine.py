"""The virtual board, switched on: two flash chips, perhaps a disk, a watchdog, a network card, a serial console.

Chips and disk have no cache: what the board was told is written is in the file, so killing QEMU cuts the power. The
host's own cache is not waited for; it outlives QEMU.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.virtual_board import qemu

_DRIVE: Final = "if=none,format=raw,cache=unsafe"
_DISK: Final = "virtio-blk-pci,write-cache=off"
_REFUSES: Final = "file.inject-error.0.event=none,file.inject-error.0.iotype=write,file.inject-error.0.errno=5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    chips: tuple[Path, Path]
    disk: Path | None = None
    nand: Path | None = None
    """What the kernel makes a NAND of (block2mtd)."""
    nand_worn_out: bool = False
    """It can be read, and refuses every write."""
    nandsim: Path | None = None
    """Options for the kernel's own simulated NAND, which knows of bad blocks and forgets all with the power."""
    flash_worn_out: bool = False
    """The second chip, with all that is ever written, refuses to be."""
    console_port: int | None = None
    """The host's port, on loopback, behind which the box's console answers."""
    kernel: tuple[Path, str] | None = None
    """Started at once with this command line; what lies in the flash is not run."""
    monitor: Path | None = None
    """A socket of QEMU's machine protocol (QMP)."""
    instant: bool = False
    """Time passes only by what is computed: who waits, waits no time at all. For tests of waiting."""

    def options(self) -> list[str]:
        second = ",readonly=on" if self.flash_worn_out else ""
        options = ["-device", "i6300esb"]
        if self.kernel is None:
            options += ["-drive", f"if=pflash,unit=0,format=raw,cache=unsafe,file={self.chips[0]}"]
            options += ["-drive", f"if=pflash,unit=1,format=raw,cache=unsafe,file={self.chips[1]}{second}"]
        else:
            options += ["-kernel", str(self.kernel[0]), "-append", self.kernel[1]]
        options += ["-device", "virtio-rng-pci"]
        if self.disk is not None:
            options += ["-drive", f"{_DRIVE},id=disk,discard=unmap,file={self.disk}"]
            options += ["-device", f"{_DISK},drive=disk"]
        if self.nand is not None:
            file = f"file={self.nand}"
            if self.nand_worn_out:
                file = f"file.driver=blkdebug,file.image.driver=file,file.image.filename={self.nand},{_REFUSES}"
            options += ["-drive", f"{_DRIVE},id=nand,{file}", "-device", f"{_DISK},drive=nand,serial=nand"]
        if self.nandsim is not None:
            options += ["-drive", f"{_DRIVE},id=nandsim,file={self.nandsim}"]
            options += ["-device", f"{_DISK},drive=nandsim,serial=nandsim"]
        forward = f",hostfwd=tcp:127.0.0.1:{self.console_port}-:443" if self.console_port else ""
        options += ["-netdev", f"user,id=network,restrict=on{forward}", "-device", "virtio-net-pci,netdev=network"]
        if self.monitor is not None:
            options += ["-qmp", f"unix:{self.monitor},server=on,wait=off"]
        if self.instant:
            options += ["-icount", "shift=0,sleep=off"]
        return options

    def run(self, console: Path, *, timeout_s: float, typed: bytes = b"") -> str:
        """From power-on to power-off; what came out of the serial port, which is kept in `console` as well.

        `typed` goes into it at once. `TimeoutError`, with the end of what came, when the board does not switch off.
        """
        command, environment = qemu.command([*self.options(), "-serial", "stdio"])
        with console.open("wb") as output:
            machine = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                machine.communicate(typed, timeout=timeout_s)
            except subprocess.TimeoutExpired as error:
                end = console.read_text(errors="replace")[-2000:]
                raise TimeoutError(
                    f"the board is still on after {timeout_s} s; its console ends with\n{end}"
                ) from error
            finally:
                machine.kill()
                machine.wait()
        return console.read_text(errors="replace")

    def start(self) -> subprocess.Popen[bytes]:
        """Switch the board on; the process's input and output are its serial port. Killed, its power is cut."""
        command, environment = qemu.command([*self.options(), "-serial", "stdio"])
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def replace_process(self) -> None:
        """Become QEMU, with the serial console in this terminal. Does not return."""
        command, environment = qemu.command([*self.options(), "-serial", "mon:stdio"])
        os.execvpe(command[0], command, environment)  # noqa: S606 - no shell is wanted
