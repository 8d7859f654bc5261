"""The avatar pack: everything about an avatar that rendering needs, computed once.

On disk a directory:

    manifest.json   `Manifest`; the last file written, it lists size and SHA-256 of every other, and its own `checksum`
    points.npy      landmarks [F, K, 2] float32, full-frame pixels, NaN in frames without a face; F = 1 for a still
    picture.png     portrait and drawn avatars: the picture, BGR, both sides even
    frames.mp4      template avatars: the frames, see `appliance.pipeline.template`
    rig.npz         named arrays of `appliance.pipeline.rig.build_rig`, for the picture or the reference frame
    mouth.json      where the lips are in the picture or the reference frame, in words: {"width", "height", "points",
                    "detected", "moved"}, the last three {name: [x, y]} in pixels (`appliance.pipeline.mouth_points`):
                    as they are, as they were found, and those of them that a person has moved
    detected.npy    only where a person has moved some: `points.npy` as it was found
    thumbnail.jpg   longer side 256 pixels
    preview.jpg     longer side 1024 pixels

A pack appears whole or not at all, and is never changed, only replaced.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance import settings
from appliance.errors import InputError
from appliance.pipeline import mouth_points, yuv
from appliance.pipeline.images import Picture, fitted
from appliance.pipeline.mouth_points import Named
from appliance.pipeline.template import TemplateFrames
from appliance.storage import atomic

FORMAT_VERSION: Final = 2
"""Raise it whenever a file above changes its meaning, the rig's arrays included: older packs are then made anew."""

Kind = Literal["portrait", "template", "drawn"]
Arrays = dict[str, NDArray[Any]]

MANIFEST: Final = "manifest.json"
POINTS: Final = "points.npy"
PICTURE: Final = "picture.png"
FRAMES: Final = "frames.mp4"
RIG: Final = "rig.npz"
MOUTH: Final = "mouth.json"
DETECTED: Final = "detected.npy"
THUMBNAIL: Final = "thumbnail.jpg"
PREVIEW: Final = "preview.jpg"
_THUMBNAIL_SIDE: Final = 256
_PREVIEW_SIDE: Final = 1024
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a pack says about itself.

    `face_box` is left, top, right, bottom in the reference frame; `files` maps a name to [size, SHA-256]; `created` is
    ISO 8601, UTC. `fps` says nothing about a still.
    """

    name: str
    kind: Kind
    width: int
    height: int
    frames: int = 1
    fps: float = settings.DEFAULT_FPS
    reference_frame: int = 0
    face_box: tuple[float, float, float, float] = (0, 0, 0, 0)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    version: int = FORMAT_VERSION
    files: dict[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AvatarPack:
    """A pack on disk."""

    path: Path
    manifest: Manifest

    @classmethod
    def load(cls, path: Path, *, verify: bool = True) -> Self:
        """Open a pack; `InputError` if it is missing, of another version, or not what was written.

        Without `verify` only the manifest and the sizes are checked, not the content.
        """
        try:
            stored = json.loads((path / MANIFEST).read_bytes())
            if stored.get("version") != FORMAT_VERSION:
                raise InputError(
                    f"the avatar in {path} is of version {stored.get('version')}, this program reads {FORMAT_VERSION}",
                    hint="enrol it again from the original picture or video",
                )
            if stored.pop("checksum", None) != _checksum(stored):
                raise ValueError(f"{MANIFEST} has another checksum")
            manifest = Manifest(**stored)
            for name, (size, digest) in manifest.files.items():
                if (path / name).stat().st_size != size:
                    raise ValueError(f"{name} has another size")
                if verify and file_digest(path / name) != digest:
                    raise ValueError(f"{name} has another checksum")
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"the avatar in {path} is damaged: {error}", hint="enrol it again from the original picture or video"
            ) from error
        return cls(path, manifest)

    @property
    def digest(self) -> str:
        """SHA-256 of all that determines a render's pictures: not of the name, nor of when the pack was made."""
        content = asdict(self.manifest)
        del content["name"], content["created"]
        return _checksum(content)

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(size for size, _ in self.manifest.files.values())

    def points(self) -> NDArray[np.float32]:
        """Landmarks [F, K, 2], mapped from the file."""
        return _array(self.path / POINTS)

    def detected(self) -> NDArray[np.float32]:
        """Landmarks as they were found, [F, K, 2]; the same where nobody has moved any."""
        path = self.path / DETECTED
        return _array(path) if DETECTED in self.manifest.files else self.points()

    def moved(self) -> Named:
        """Those of the mouth's points that a person has moved, and where to."""
        moved: Named = json.loads((self.path / MOUTH).read_bytes())["moved"]
        return moved

    def rig(self) -> Arrays:
        with np.load(self.path / RIG, allow_pickle=False) as stored:
            return dict(stored)

    def frames(self) -> TemplateFrames:
        """A new reader of a template's frames."""
        return TemplateFrames(self.path / FRAMES, self.manifest.frames)

    def picture(self) -> Picture:
        """The picture, or a template's reference frame, BGR [H, W, 3]."""
        if self.manifest.kind == "template":
            with self.frames() as frames:
                return yuv.picture(*frames.get(self.manifest.reference_frame))
        return np.asarray(cv2.imread(str(self.path / PICTURE), cv2.IMREAD_COLOR), dtype=np.uint8)


def check_name(name: str) -> None:
    """Raise `InputError` unless `name` may name an avatar (and so a directory)."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for an avatar",
            hint="use 1 to 64 of a-z, 0-9, - and _, beginning with a letter or a digit",
        )


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(
    folder: Path,
    manifest: Manifest,
    picture: Picture,
    points: NDArray[np.float32],
    rig: Arrays,
    *,
    detected: NDArray[np.float32] | None = None,
    moved: Named | None = None,
) -> None:
    """Write into a folder, in which a template's frames already lie, the rest of the pack.

    `moved` are the mouth's points that a person has moved, and `detected` the landmarks before that.
    """
    if manifest.kind != "template":
        _write_image(folder / PICTURE, picture)
    _write_image(folder / THUMBNAIL, fitted(picture, _THUMBNAIL_SIDE))
    _write_image(folder / PREVIEW, fitted(picture, _PREVIEW_SIDE))
    np.save(folder / POINTS, points.astype(np.float32))
    if moved and detected is not None:
        np.save(folder / DETECTED, detected.astype(np.float32))
    found = points if detected is None else detected
    mouth = {
        "width": manifest.width,
        "height": manifest.height,
        "points": mouth_points.named(points[manifest.reference_frame]),
        "detected": mouth_points.named(found[manifest.reference_frame]),
        "moved": moved or {},
    }
    (folder / MOUTH).write_text(json.dumps(mouth, indent=1), encoding="utf-8")
    np.savez(folder / RIG, allow_pickle=False, **rig)
    x, y = points[manifest.reference_frame].T
    box = (float(x.min()), float(y.min()), float(x.max()), float(y.max()))
    files = {path.name: (path.stat().st_size, file_digest(path)) for path in sorted(folder.iterdir())}
    content = asdict(replace(manifest, face_box=box, files=files))
    content["checksum"] = _checksum(content)
    (folder / MANIFEST).write_text(json.dumps(content, indent=1), encoding="utf-8")


@contextlib.contextmanager
def new_pack(target: Path, *, replacing: bool) -> Iterator[Path]:
    """Yield a folder to fill; on success it becomes `target`, at every instant the old pack, none, or the new one."""
    if not (replacing and target.exists()):
        with atomic.new_directory(target) as folder:
            yield folder
        return
    with tempfile.TemporaryDirectory(prefix=atomic.PREFIX, dir=target.parent) as beside:
        fresh = Path(beside) / target.name
        with atomic.new_directory(fresh) as folder:
            yield folder
        _exchange(fresh, target)
        atomic.fsync_directory(target.parent)


def remove_pack(target: Path) -> None:
    """Take a pack away, whole even if the power fails half way."""
    doomed = Path(tempfile.mkdtemp(prefix=atomic.PREFIX, dir=target.parent))
    target.rename(doomed / target.name)
    atomic.fsync_directory(target.parent)
    shutil.rmtree(doomed, ignore_errors=True)


def _exchange(one: Path, other: Path) -> None:
    """Swap two directories of one file system in one step (Linux renameat2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))


def _array(path: Path) -> NDArray[np.float32]:
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _write_image(path: Path, picture: Picture) -> None:
    done, data = cv2.imencode(path.suffix, picture)
    if not done:
        raise ValueError(f"OpenCV cannot encode {path.name}")
    path.write_bytes(data.tobytes())
