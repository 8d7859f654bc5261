"""The recovery system on a virtual PC: Debian's kernel, our initramfs, flash and disks that are files of this machine.

    config, env, env-redundant, ubi    virtio disks that block2mtd makes MTD devices of, by their serial numbers
    disk                               NVMe, with the board's partitions
    stick                              USB storage

What a machine is started without is not there. The files keep what was written, so a test looks at them afterwards, and
the next start finds them. The browser's side is `Visitor`, a client of forms as people fill them in; `Terminal` is the
serial console.
"""

from __future__ import annotations

import codecs
import dataclasses
import http.client
import re
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from tests.board.guest import release
from tools.boards import source
from tools.boards.board import Board
from tools.recovery_image import archive, contents, kernel

DISK: Final = "/dev/nvme0n1"
VIRTUAL: Final = "virt-arm64"
FLASH: Final = {"config": 65536, "env": 262144, "env-redundant": 262144, "ubi": 131072}
"""MTD devices and their erase blocks."""
MODULES: Final = (
    *("virtio_pci", "virtio_blk", "virtio_net", "nvme", "xhci_pci", "usb_storage", "sd_mod", "evdev", "atkbd", "i8042"),
    *("crc32c_generic", "ext4", "vfat", "nls_cp437", "nls_ascii", "nls_utf8", "squashfs", "loop", "dm-verity"),
    *("zstd", "lzo", "deflate", "ubi", "ubifs", "block2mtd"),
)
_HARDWARE: Final = """# Flash of a virtual PC.
sleep 1
for disk in /sys/block/vd*; do
    name=$(cat $disk/serial)
    case $name in
        config) size=65536 ;;
        env | env-redundant) size=262144 ;;
        *) size=131072 ;;
    esac
    mkdir -p /dev/flash
    ln -s /dev/${disk##*/} /dev/flash/$name
    echo "/dev/${disk##*/},$size,$name" > /sys/module/block2mtd/parameters/block2mtd
done
"""
PATIENCE_S: Final = 240.0


def the_board(name: str = VIRTUAL) -> Board:
    """A board, whose disk is this machine's."""
    found = source.read(contents.ROOT / f"boot/boards/{name}.toml")[0]
    return dataclasses.replace(found, disk=dataclasses.replace(found.disk, device=DISK))


def flash(tree: Path) -> None:
    """The virtual board's, as this machine has it."""
    (tree / "etc/mouthpiece/hardware").write_text(_HARDWARE)
    lines = (f"/dev/flash/{name} 0x0 0x40000\n" for name in ("env", "env-redundant"))
    (tree / "etc/fw_env.config").write_text("".join(lines))


def build_image(folder: Path, keyring: Path, name: str = VIRTUAL, finish: Callable[[Path], None] = flash) -> Path:
    """The initramfs of a board, not compressed: an emulated processor takes longer to unpack it than QEMU to load it.

    `finish` lays into the tree what this machine wants of it.
    """
    tree, target = folder / "tree", folder / "initramfs"
    contents.build(tree, name, the_board(name), "amd64", keyring)
    kernel.add_modules(tree, release(), MODULES)
    finish(tree)
    with target.open("wb") as file:
        archive.write(tree, file)
    return target


class Terminal:
    """The serial console; `text` is all that came out of it."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.text = ""

    def expect(self, words: str, *, after: int = 0, timeout_s: float = PATIENCE_S) -> str:
        """Wait until it says something, and return all from `after` to there; `TimeoutError` with its last words."""
        end = time.monotonic() + timeout_s
        while (found := self.text.find(words, after)) < 0:
            self._socket.settimeout(max(0.1, end - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                data = b""
            if not data:
                raise TimeoutError(f"the serial console does not say {words!r}; its last words:\n{self.text[-3000:]}")
            self.text += self._decode(data).replace("\r", "")
        return self.text[after : found + len(words)]

    def type(self, line: str) -> int:
        """Type a line; the place in `text` from which the answer comes."""
        self._socket.sendall(line.encode() + b"\n")
        return len(self.text)

    def close(self) -> None:
        self._socket.close()


@dataclass(slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass(slots=True)
class Visitor:
    """A browser without scripts, as far as forms go."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    language: str = "en"
    patience_s: float = PATIENCE_S
    """For one answer, and for one errand."""

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None, {})

    def post(self, path: str, *, to: str = "", **fields: str) -> Answer:
        """Send a form of the page `path`, and come to the page that it leads to."""
        token = self._token(path)
        body = urlencode({"csrf_token": token, **fields}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._follow(self._ask("POST", to or path, body, kind))

    def upload(self, path: str, name: str, content: bytes, **fields: str) -> Answer:
        """The same with a file in the field `file`."""
        mark, token = uuid.uuid4().hex, self._token(path)
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in {"csrf_token": token, **fields}.items()
        ]
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = b"".join([*parts, f"--{mark}\r\n{head}".encode(), content, f"\r\n--{mark}--\r\n".encode()])
        return self._follow(self._ask("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={mark}"}))

    def settled(self, path: str) -> str:
        """The page once no errand runs any more."""
        end = time.monotonic() + self.patience_s
        while 'http-equiv="refresh"' in (text := self.get(path).text):
            if time.monotonic() > end:
                raise TimeoutError(f"the errand does not end:\n{text}")
            time.sleep(0.5)
        return text

    def _token(self, path: str) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(path).text)
        assert found is not None, f"{path} has no form"
        return found[1]

    def _follow(self, answer: Answer) -> Answer:
        assert answer.status in (200, 303), answer.text
        return self.get(answer.headers["Location"]) if answer.status == 303 else answer

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=self.patience_s, context=context)
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        try:
            connection.request(method, path, body, {"Accept-Language": self.language, **sent, **headers})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read().decode(errors="replace"))
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer


@dataclass(slots=True)
class Running:
    terminal: Terminal
    visitor: Visitor
    process: subprocess.Popen[bytes]
    monitor: Path

    @property
    def code(self) -> str:
        """The code that the serial console shows."""
        found = re.findall(r"Code: (\d{4} \d{4})", self.terminal.text)
        return str(found[-1])

    def press_a_key(self) -> None:
        """On the keyboard that stands for the box's button."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self.monitor))
            for line in (b"", b"sendkey a\n"):
                monitor.sendall(line)
                heard = b""
                while not heard.endswith(b"(qemu) "):  # it takes no line of one who has left
                    heard += monitor.recv(4096)

    def wait_for_site(self) -> None:
        """Until the web face answers."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                if self.visitor.get("/healthz").status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            if time.monotonic() > end:
                raise TimeoutError(f"the console does not answer; the serial console says\n{self.terminal.text}")
            time.sleep(0.5)


@contextmanager
def running(
    folder: Path,
    image: Path,
    drives: Mapping[str, Path],
    *,
    reason: str = "no-slot",
    memory_mb: int = 768,
    more: Sequence[str] = (),
) -> Iterator[Running]:
    """Switch it on with these drives; off at the end, whatever it does then."""
    folder.mkdir(parents=True, exist_ok=True)
    serial, monitor = folder / "serial", folder / "monitor"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kernel_release = release()
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2"]
    command += ["-m", str(memory_mb), "-display", "none", "-no-reboot", "-kernel", f"/boot/vmlinuz-{kernel_release}"]
    command += ["-initrd", str(image), "-serial", f"unix:{serial},server=on,wait=off"]
    command += ["-monitor", f"unix:{monitor},server=on,wait=off"]
    arguments = f"console=ttyS0 quiet panic=-1 no_timer_check mouthpiece.recovery={reason}"
    command += [
        "-append",
        arguments,
        "-nic",
        f"user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:443",
    ]
    for name, file in drives.items():
        command += ["-drive", f"if=none,id={name},format=raw,file={file}"]
        command += ["-device", _device(name)]
    if "stick" in drives:
        command[1:1] = ["-device", "qemu-xhci"]
    process = subprocess.Popen([*command, *more], stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while not (serial.exists() and monitor.exists()):
            assert process.poll() is None, "QEMU ended"
            assert time.monotonic() < end, "QEMU does not open its sockets"
            time.sleep(0.05)
        terminal = Terminal(serial)
        try:
            yield Running(terminal, Visitor(port), process, monitor)
        finally:
            terminal.close()
    finally:
        process.kill()
        process.wait()


def _device(name: str) -> str:
    if name == "disk":
        return "nvme,serial=disk,drive=disk"
    if name == "stick":
        return "usb-storage,drive=stick,removable=on"
    return f"virtio-blk-pci,serial={name},drive={name}"


def partitioned(file: Path, size: int = 4 << 30, name: str = VIRTUAL) -> Path:
    """A disk with a board's partitions."""
    with file.open("wb") as disk:
        disk.truncate(size)
    parts = the_board(name).disk.partitions
    lines = [f'name="{part.name}"' + (f", size={part.size // 512}" if part.size else "") for part in parts]
    subprocess.run(
        ["/sbin/sfdisk", "--quiet", str(file)], input="label: gpt\n" + "\n".join(lines), text=True, check=True
    )
    return file
