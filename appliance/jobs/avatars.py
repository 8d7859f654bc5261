"""The avatars as the console sees them: read from the packs' own manifests, with nothing of the pipeline loaded.

What a pack holds is said in `appliance.pipeline.pack`. The avatar that is shipped lies with unfinished work; the worker
says where in `run/demo.json`, {"path": ...}. A pack that cannot be read is not listed.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance.errors import InputError
from appliance.jobs import leftovers
from appliance.storage import atomic
from appliance.volumes import Volumes

DEMO: Final = "demo"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Avatar:
    """`created` is ISO 8601, UTC; `points` maps the mouth's named points to [x, y] in picture pixels, `detected` the
    same as they were found at first; `sheet` is the contact sheet once a job of kind "sheet" has drawn it."""

    name: str
    kind: str
    width: int
    height: int
    frames: int
    fps: float
    created: str
    checksum: str
    thumbnail: Path
    preview: Path | None
    sheet: Path | None
    points: dict[str, list[float]] | None
    detected: dict[str, list[float]] | None

    @property
    def shipped(self) -> bool:
        """Part of the program: it can be neither removed nor changed."""
        return self.name == DEMO


def entries(volumes: Volumes) -> list[Avatar]:
    """Every avatar, the shipped one first."""
    folders = {folder.name: folder for folder in volumes.avatars.glob("*") if _NAME.fullmatch(folder.name)}
    found = [_read(volumes, name, folder) for name, folder in sorted(folders.items())]
    shipped = _shipped(volumes)
    return [avatar for avatar in (shipped, *found) if avatar is not None]


def get(volumes: Volumes, name: str) -> Avatar:
    """The avatar of that name; `InputError` if there is none, or it is damaged."""
    if name == DEMO:
        avatar = _shipped(volumes)
    else:
        avatar = _read(volumes, name, volumes.avatars / name) if _NAME.fullmatch(name) else None
    if avatar is None:
        raise InputError(f"there is no avatar {name[:64]}", hint="see the list of avatars")
    return avatar


def remove(volumes: Volumes, name: str) -> None:
    """Take an avatar away for good, damaged or not."""
    if name == DEMO:
        raise InputError(f"the avatar {DEMO} is part of the program and cannot be removed")
    if not _NAME.fullmatch(name) or not (volumes.avatars / name).is_dir():
        raise InputError(f"there is no avatar {name[:64]}", hint="see the list of avatars")
    leftovers.remove(volumes.avatars / name)


def publish_demo(volumes: Volumes, path: Path) -> None:
    """Say where the shipped avatar's pack lies."""
    volumes.run.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(volumes.run / "demo.json", json.dumps({"path": str(path)}).encode())


def sheet_file(volumes: Volumes, name: str, checksum: str) -> Path:
    """Where the contact sheet of this very pack lies, or will."""
    return volumes.sheets / f"{name}-{checksum[:16]}.jpg"


def sweep_sheets(volumes: Volumes) -> None:
    """Remove the contact sheets of avatars that are gone, or look different now; none of the shipped one's while the
    worker has not said where that is."""
    known = entries(volumes)
    wanted = {avatar.sheet for avatar in known}
    for sheet in volumes.sheets.glob("*.jpg"):
        shipped = sheet.name.startswith(f"{DEMO}-") and not any(avatar.shipped for avatar in known)
        if sheet not in wanted and not shipped:
            sheet.unlink(missing_ok=True)


def _shipped(volumes: Volumes) -> Avatar | None:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        return _read(volumes, DEMO, Path(json.loads((volumes.run / "demo.json").read_bytes())["path"]))
    return None


def _read(volumes: Volumes, name: str, folder: Path) -> Avatar | None:
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        plain = {key: manifest[key] for key in ("kind", "width", "height", "frames", "fps", "created", "checksum")}
        files = manifest["files"]
        mouth: dict[str, Any] = json.loads((folder / "mouth.json").read_bytes()) if "mouth.json" in files else {}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    sheet = sheet_file(volumes, name, plain["checksum"])
    return Avatar(
        name=name,
        **plain,
        thumbnail=folder / "thumbnail.jpg",
        preview=folder / "preview.jpg" if "preview.jpg" in files else None,
        sheet=sheet if sheet.is_file() else None,
        points=mouth.get("points"),
        detected=mouth.get("detected"),
    )
