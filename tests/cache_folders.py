"""A disk under a cache that fails when told to, and whose power can be cut at any change."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from appliance.storage.cache.folder import Folder


class PowerCutError(BaseException):
    """Nothing runs after it."""


class Disk:
    """What a disk knows beside its files. `graveyard` is an empty directory for what was removed and may come back.

    At a power cut names that were made or removed since they were last synced may be back or gone, and the content of
    a file that was never synced may be short or full of zeros, as a journalling file system may leave it.
    """

    def __init__(self, graveyard: Path, source: random.Random, cut_at: int = 0) -> None:
        self.graveyard = graveyard
        self.source = source
        self.cut_at = cut_at
        """The change at which the power goes, counted from 1."""
        self.changes = 0
        self.error = 0
        """What every change fails with, if it is not 0; a removal only on a disk that is read-only."""
        self.unsynced: set[Path] = set()
        self.removed: set[str] = set()

    def folder(self, path: Path) -> Folder:
        return _Folder(path, self)

    def change(self, half: Callable[[], object] | None = None) -> bool:
        """Count a change that is about to be made; whether the power goes before it, or with half of it made."""
        self.changes += 1
        if self.changes != self.cut_at:
            return False
        if half and self.source.random() < 0.7:
            half()
        return True

    def fail(self) -> None:
        if self.error:
            raise OSError(self.error, os.strerror(self.error))

    def lose(self, place: Path) -> None:
        """Leave of what was not synced what a power cut may leave."""
        for path in sorted(self.unsynced):
            content = bytearray(path.read_bytes())
            start, end = sorted(self.source.randrange(len(content) + 1) for _ in range(2))
            if self.source.random() < 0.5:
                content[start:end] = bytes(end - start)
            else:
                del content[start:]
            path.write_bytes(content)
            if self.source.random() < 0.3:
                path.unlink()
        for buried in sorted(self.graveyard.iterdir()):
            if self.source.random() < 0.5:
                shutil.copy(buried, place)
        self.synced()
        self.unsynced.clear()

    def synced(self) -> None:
        """What was removed is gone for good."""
        for buried in self.graveyard.iterdir():
            buried.unlink()


class _Folder(Folder):
    """A real folder on such a disk."""

    def __init__(self, path: Path, disk: Disk) -> None:
        super().__init__(path)
        self._disk = disk
        self._open: dict[int, Path] = {}

    def _change(self, half: Callable[[], object] | None = None) -> None:
        if self._disk.change(half):
            self._disk.lose(self.path)
            self.unlock()
            raise PowerCutError

    def lock(self) -> bool:
        if self._disk.error == errno.EROFS:
            self._disk.fail()
        return super().lock()

    def _create(self, name: str) -> int:
        self._disk.fail()
        self._change()
        handle = super()._create(name)
        self._open[handle] = self.path / name
        self._disk.unsynced.add(self.path / name)
        return handle

    def _write(self, handle: int, content: memoryview) -> int:
        half = content[: self._disk.source.randrange(len(content))]
        if self._disk.error:
            os.write(handle, half)
            self._disk.fail()
        self._change(lambda: os.write(handle, half))
        # The system may take less than it is given.
        return super()._write(handle, content[:10_000])

    def _sync(self, handle: int) -> None:
        self._disk.fail()
        self._change()
        super()._sync(handle)
        self._disk.unsynced.discard(self._open[handle])
        self._disk.synced()

    def _replace(self, name: str, content: bytes) -> None:
        self._disk.fail()
        half = content[: self._disk.source.randrange(len(content))]
        self._change(lambda: (self.path / ".tmp-0123").write_bytes(half))
        super()._replace(name, content)

    def _unlink(self, name: str) -> None:
        if self._disk.error == errno.EROFS:
            self._disk.fail()
        self._change()
        path = self.path / name
        self._disk.removed.add(name)
        if path in self._disk.unsynced:
            self._disk.unsynced.discard(path)
        else:
            shutil.copy(path, self._disk.graveyard / name)
        super()._unlink(name)
