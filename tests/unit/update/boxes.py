"""Boxes with something to lose."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from appliance.jobs import saved
from appliance.storage.config import ConfigStore
from appliance.update.backup import Backup
from appliance.update.restore import Manifest, restore
from appliance.volumes import Volumes

PASSPHRASE = "correct horse battery"  # noqa: S105
VIDEO = "a" * 20


def full_box(root: Path) -> Volumes:
    """Two avatars, a video, a configuration."""
    volumes = Volumes(root)
    ConfigStore(volumes).update(lambda values: values.update(name="lobby", admin={"hash": "h"}))
    for avatar in ("anna", "Überraschung " + "长" * 60):
        (volumes.avatars / avatar).mkdir(parents=True)
        (volumes.avatars / avatar / "manifest.json").write_text(avatar)
        (volumes.avatars / avatar / "frames.mp4").write_bytes(os.urandom(300_000))
    volumes.outputs.mkdir(parents=True)
    (volumes.outputs / f"{VIDEO}.mp4").write_bytes(os.urandom(1_000_001))
    (volumes.outputs / f"{VIDEO}.jpg").write_bytes(b"")
    (volumes.avatars / ".tmp-unfinished").write_bytes(b"half")
    return volumes


def made(volumes: Volumes, jobs: bytes = b"") -> bytes:
    return b"".join(Backup(volumes, jobs).stream(PASSPHRASE))


def put_back(volumes: Volumes, content: bytes, passphrase: str = PASSPHRASE) -> Manifest:
    return restore(volumes, io.BytesIO(content), passphrase, lambda lines: saved.adopt(volumes.jobs, lines))


def kept(volumes: Volumes) -> dict[str, Any]:
    """Everything that a backup is about."""
    files = {
        str(path.relative_to(volumes.data)): path.read_bytes()
        for folder in (volumes.avatars, volumes.outputs)
        for path in folder.rglob("*")
        if path.is_file() and ".tmp-" not in str(path)
    }
    return {**files, "config": ConfigStore(volumes).read()}
