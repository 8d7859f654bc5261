"""Backup: the configuration, the avatars and the videos as one sealed file.

The file is made on the way (`Backup.stream`), in constant memory and without a copy on the box's disk; its size is
known before. Avatars and videos are never changed, only replaced, so each is saved as it is at one moment; one that is
replaced or removed between listing and reading ends the backup with an `InputError`, and the file without its end is
refused by `appliance.update.restore`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance import __version__
from appliance.errors import InputError, UnhealthyError
from appliance.storage import atomic
from appliance.storage.config import ConfigStore
from appliance.update import archive, sealed, space
from appliance.update.step import Step, quiet
from appliance.volumes import Volumes


class Backup:
    """What there is to save at this moment. `jobs` is the content of `jobs.jsonl`."""

    def __init__(self, volumes: Volumes, jobs: bytes) -> None:
        config: dict[str, Any] = ConfigStore(volumes).read()
        content = [
            archive.at_hand(archive.CONFIG, json.dumps(config, ensure_ascii=False).encode()),
            archive.at_hand(archive.JOBS, jobs),
            *archive.files_below(volumes.avatars, "avatars"),
            *archive.files_below(volumes.outputs, "outputs"),
        ]
        manifest = {
            "format": archive.FORMAT,
            "version": __version__,
            "created": time.time(),
            "name": str(config.get("name", "")),
            "bytes": sum(member.size for member in content),
            "files": len(content),
        }
        self._members = [archive.at_hand(archive.MANIFEST, json.dumps(manifest).encode()), *content]
        self.size = sealed.sealed_size(archive.archive_size(self._members))
        """Bytes of the sealed file."""

    def stream(self, passphrase: str, step: Step = quiet) -> Iterator[bytes]:
        """The sealed file, in pieces."""
        sealed.check_passphrase(passphrase)
        return self._stream(passphrase, step)

    def _stream(self, passphrase: str, step: Step) -> Iterator[bytes]:
        done = 0
        for piece in sealed.seal(archive.pieces(self._members), passphrase):
            yield piece
            done += len(piece)
            step("saving", done, self.size)

    def write(self, target: Path, passphrase: str, step: Step = quiet) -> None:
        """Make the file `target`, whole or not at all; one that is there already is not touched."""
        sealed.check_passphrase(passphrase)
        try:
            if target.exists():
                raise InputError(f"{target} is there already", hint="give another name, or remove it first")
            space.check(target.parent, self.size)
            with atomic.replaced_file(target) as temporary:
                temporary.chmod(0o600)
                with temporary.open("wb") as file:
                    for piece in self._stream(passphrase, step):
                        file.write(piece)
        except OSError as error:
            raise UnhealthyError(
                f"{target} cannot be written: {error.strerror or error}", hint="choose another place for the backup"
            ) from error
