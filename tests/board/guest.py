"""A virtual machine with a real Debian kernel, whose root is this machine's own, read-only, under a throw-away overlay.

What a container cannot have is real in it: block devices, control groups, sound cards, input devices, systemd as PID 1.
There is no image to build: a small initramfs mounts the host's root over 9p and starts a script, or systemd with that
script as a unit; so the guest runs this checkout and this virtual environment as they are. QEMU emulates the processor
(TCG), since KVM is not to be relied on.

    with Guest(tmp_path, disks=[64 << 20], modules=["snd-aloop"]) as guest:
        result = guest.run("modprobe loop; echo hello > /out/greeting", timeout_s=120)
    result.text("greeting")

`/out` in the guest is a folder of the host's; `overlay` maps paths in the guest to contents laid over its root before
it starts. A disk is made of so many bytes, or is a file that a guest before had: what that one had not written when its
power was cut is lost, as on a real disk. `memory` is a file, of a power of two in size, that the guest finds as the
memory of a PCI device (ivshmem, BAR 2): it holds what the guest has stored there, in that order, whenever the guest is
killed. The script's exit status and the console's output are in the `Result`; a guest that does not end in time is
killed, and before, as soon as `enough` says so.

Programs of more than a few lines lie in `inside/`; they run in the guest and leave what they found as `facts`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT_MODULES: Final = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_blk", "crc32c_generic")
CHECKOUT: Final = Path(__file__).resolve().parents[2]

_INIT: Final = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
while read -r module; do $b insmod /modules/$module; done < /modules/order
$b mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose root /lower
$b mount -t tmpfs -o size=75% tmpfs /upper
$b mkdir /upper/upper /upper/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/upper,workdir=/upper/work root /new
$b mkdir -p /new/out
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 out /new/out
$b cp -a /new/out/overlay/. /new/
# A host that is a container says so here, and systemd would believe to be in one.
$b rm -f /new/.dockerenv
for place in tmp var/tmp run; do $b mount -t tmpfs tmpfs /new/$place; done
# A checkout below one of them is hidden now.
upper=upperdir=/upper/checkout,workdir=/upper/checkout-work
$b mkdir -p "/new@CHECKOUT@" /upper/checkout /upper/checkout-work
$b mount -t overlay -o "lowerdir=/lower@CHECKOUT@,$upper" checkout "/new@CHECKOUT@"
$b mount --move /dev /new/dev; $b mount --move /sys /new/sys; $b mount --move /proc /new/proc
exec $b switch_root /new $(cat /new/out/start)
"""

_PLAIN: Final = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /dev/shm; mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
ip link set lo up 2>/dev/null
/bin/sh /out/script > /out/stdout 2> /out/stderr
echo $? > /out/status
sync
echo o > /proc/sysrq-trigger
while :; do :; done
"""

_TARGET: Final = """[Unit]
Description=The script of a test and what it stands on, nothing else of the host
Requires=basic.target guest-test.service
After=basic.target
AllowIsolate=yes
"""

_UNIT: Final = """[Unit]
Description=The script of a test
After=basic.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/sh -c '/bin/sh /out/script > /out/stdout 2> /out/stderr; echo $$? > /out/status; sync'
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run left behind. `status` is None where the script did not come to its end."""

    status: int | None
    out: Path
    console: str

    def text(self, name: str) -> str:
        """The content of a file that the script wrote to /out."""
        return (self.out / name).read_text()

    def facts(self) -> dict[str, Any]:
        """What the program inside found; `AssertionError` with everything worth reading if it did not end well."""
        if self.status != 0:
            raise AssertionError(self.explain())
        found: dict[str, Any] = json.loads(self.text("facts"))
        return found

    def explain(self) -> str:
        """Everything worth reading when it failed."""
        parts = [
            f"--- {name}\n{self.text(name)[-4000:]}" for name in ("stdout", "stderr") if (self.out / name).exists()
        ]
        return "\n".join([f"status {self.status}", *parts, f"--- console\n{self.console[-3000:]}"])


def missing(*programs: str) -> str:
    """Why no guest can run here in which a test uses `programs`, or nothing."""
    for program in ("qemu-system-x86_64", "busybox", "cpio", *programs):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return "" if release() else "no Debian kernel with its modules is installed in /boot and /lib/modules"


def release() -> str:
    """The newest installed kernel with modules and an image that this user may read."""
    found = [
        path.name.removeprefix("vmlinuz-")
        for path in Path("/boot").glob("vmlinuz-*-amd64")
        if os.access(path, os.R_OK) and (Path("/lib/modules") / path.name.removeprefix("vmlinuz-")).is_dir()
    ]
    return max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)], default="")


class Guest:
    """One virtual machine; `folder` holds its initramfs, its disks and its /out."""

    def __init__(
        self,
        folder: Path,
        *,
        disks: Sequence[int | Path] = (),
        memory_mb: int = 1536,
        systemd: bool = False,
        overlay: Mapping[str, str] | None = None,
        memory: Path | None = None,
    ) -> None:
        self._folder, self._memory_mb, self._systemd, self._memory = folder, memory_mb, systemd, memory
        self._release = release()
        self.out = folder / "out"
        (self.out / "overlay").mkdir(parents=True)
        self.disks = [disk if isinstance(disk, Path) else self._new_disk(n, disk) for n, disk in enumerate(disks)]
        for name, content in (overlay or {}).items():
            place = self.out / "overlay" / name.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content)

    def run_inside(
        self, program: str, *, timeout_s: float, before: str = "", enough: Callable[[], bool] = lambda: False
    ) -> Result:
        """Run a program of `inside/` with the checkout's Python, after the shell lines `before`."""
        python = CHECKOUT / ".venv/bin/python"
        return self.run(
            f"set -eu\n{before}\ncd {CHECKOUT}\nexec {python} -m tests.board.inside.{program}\n",
            timeout_s=timeout_s,
            enough=enough,
        )

    def run(self, script: str, *, timeout_s: float, enough: Callable[[], bool] = lambda: False) -> Result:
        """Boot, run the script as root, power off. `set -eu` is the script's own business."""
        (self.out / "script").write_text(script)
        (self.out / "plain").write_text(_PLAIN)
        (self.out / "start").write_text("/lib/systemd/systemd" if self._systemd else "/bin/sh /out/plain")
        if self._systemd:
            units = self.out / "overlay/etc/systemd/system"
            units.mkdir(parents=True, exist_ok=True)
            (units / "guest-test.service").write_text(_UNIT)
            (units / "guest-test.target").write_text(_TARGET)
        with (self._folder / "console").open("wb") as console, (self._folder / "initramfs").open("wb") as initramfs:
            self._pack(initramfs.fileno())
            machine = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=console, stderr=console)
            deadline = time.monotonic() + timeout_s
            while machine.poll() is None:
                if enough() or time.monotonic() > deadline:
                    machine.kill()
                time.sleep(0.01)
        status = self.out / "status"
        text = (self._folder / "console").read_text(errors="replace")
        return Result(int(status.read_text()) if status.exists() else None, self.out, text)

    def _new_disk(self, number: int, size: int) -> Path:
        disk = self._folder / f"disk{number}.raw"
        with disk.open("wb") as file:
            file.truncate(size)
        return disk

    def _command(self) -> list[str]:
        # Whether timer interrupts arrive in time says nothing on a busy host.
        arguments = "console=ttyS0 quiet panic=-1 no_timer_check systemd.unified_cgroup_hierarchy=1"
        if self._systemd:
            arguments += " systemd.unit=guest-test.target systemd.show_status=no"
            arguments += " systemd.mask=systemd-remount-fs.service"
        command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2"]
        command += ["-m", str(self._memory_mb), "-nographic", "-no-reboot", "-nic", "none"]
        command += ["-kernel", f"/boot/vmlinuz-{self._release}", "-initrd", str(self._folder / "initramfs")]
        command += ["-append", arguments]
        for tag, path, rights in (("root", Path("/"), "readonly=on"), ("out", self.out, "readonly=off")):
            command += ["-fsdev", f"local,id={tag},path={path},security_model=none,multidevs=remap,{rights}"]
            command += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        if self._memory:
            held = f"share=on,mem-path={self._memory},size={self._memory.stat().st_size}"
            command += ["-object", f"memory-backend-file,id=kept,{held}", "-device", "ivshmem-plain,memdev=kept"]
        for disk in self.disks:
            command += ["-drive", f"file={disk},if=virtio,format=raw"]
        return command

    def _pack(self, target: int) -> None:
        """The initramfs: busybox, the modules that the root needs, and the script above."""
        tree = self._folder / "tree"
        for name in ("bin", "proc", "sys", "dev", "new", "lower", "upper", "modules"):
            (tree / name).mkdir(parents=True)
        shutil.copy(shutil.which("busybox") or "", tree / "bin/busybox")
        order: dict[str, None] = {}
        for module in ROOT_MODULES:
            shown = subprocess.run(
                ["modprobe", "-S", self._release, "--show-depends", module], check=True, capture_output=True, text=True
            )
            order |= {line.split()[1]: None for line in shown.stdout.splitlines() if line.startswith("insmod")}
        for path in order:
            shutil.copy(path, tree / "modules")
        (tree / "modules/order").write_text("".join(f"{Path(path).name}\n" for path in order))
        (tree / "init").write_text(_INIT.replace("@CHECKOUT@", str(CHECKOUT)).replace("$(cat", "$($b cat"))
        (tree / "init").chmod(0o755)
        names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
        subprocess.run(
            ["cpio", "-o", "-H", "newc", "--quiet"], cwd=tree, input=names.encode(), stdout=target, check=True
        )
