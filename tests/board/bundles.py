"""Signed RAUC bundles, made by the real rauc with keys that are made on the spot."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.bundle_hook import pack

IMAGE_BYTES = 8 << 20
BOOT_A_SLOT = """
chmod +x /etc/rauc/boot_loader.sh
slot=$(/etc/rauc/boot_loader.sh boot)
mkdir -p /run/systemd/system/rauc.service.d
printf '[Service]\\nExecStart=\\nExecStart=/usr/bin/rauc --mount=/run/rauc --override-boot-slot=%s service\\n' $slot \\
    > /run/systemd/system/rauc.service.d/slot.conf
systemctl daemon-reload
"""
"""For a guest's shell: the boot loader chooses a slot, and RAUC's service is told that this one runs."""


@dataclass(frozen=True)
class Signer:
    """A certificate authority, and a key that it vouches for."""

    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def new(cls, folder: Path) -> Signer:
        folder.mkdir()
        made = cls(folder / "ca.pem", folder / "signer.pem", folder / "signer.key")
        _openssl(
            "req", "-x509", *_key(folder / "ca.key"), "-subj", "/CN=authority", "-days", "30", "-out", made.authority
        )
        request = folder / "request.pem"
        _openssl("req", "-new", *_key(made.key), "-subj", "/CN=signer", "-out", request)
        purpose = folder / "purpose"
        purpose.write_text("keyUsage=digitalSignature\nextendedKeyUsage=codeSigning,emailProtection\n")
        signed = [
            "-extfile",
            purpose,
            "-CA",
            made.authority,
            "-CAkey",
            folder / "ca.key",
            "-CAcreateserial",
            "-days",
            "30",
        ]
        _openssl("x509", "-req", "-in", request, *signed, "-out", made.certificate)
        return made


def bundle(
    target: Path,
    signer: Signer,
    version: str,
    compatible: str,
    recovery: bytes = b"",
    firmware: Mapping[str, bytes] | None = None,
) -> bytes:
    """Make a verity bundle with a random image for the slot, which is returned, and with what is given besides.

    `firmware` is files by their names in the bundle, which comes with our hook then.
    """
    content = target.with_suffix(".d")
    content.mkdir()
    image = version.encode().ljust(4096, b"\0") + os.urandom(IMAGE_BYTES - 4096)
    (content / "rootfs.img").write_bytes(image)
    manifest = (
        f"[update]\ncompatible={compatible}\nversion={version}\n"
        "[bundle]\nformat=verity\n[image.rootfs]\nfilename=rootfs.img\n"
    )
    if recovery:
        (content / "recovery.img").write_bytes(recovery)
        manifest += "[image.recovery]\nfilename=recovery.img\n"
    if firmware:
        pack.pack(content / "hook")
        for name, image_of_it in firmware.items():
            (content / name).write_bytes(image_of_it)
        manifest += "[image.firmware]\nfilename=firmware.img\nhooks=install\n"
        manifest += "[hooks]\nfilename=hook\nhooks=install-check\n"
    (content / "manifest.raucm").write_text(manifest)
    options = [f"--cert={signer.certificate}", f"--key={signer.key}", f"--keyring={signer.authority}"]
    subprocess.run(["rauc", *options, "bundle", content, target], check=True, capture_output=True)
    return image


def _key(path: Path) -> list[object]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
