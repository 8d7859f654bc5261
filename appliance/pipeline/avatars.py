"""The avatars that the box knows by name, and what a user's word for an avatar means.

`data/avatars/NAME` holds the enrolled ones; `demo` is drawn by the project itself on first use and lives with the packs
of files that were never enrolled, on the data disk too: a pack may have any size, and the flash is not for that. What
enrolling needs is imported when something is enrolled: a render of a known avatar starts the sooner.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from appliance.errors import InputError
from appliance.pipeline import pack
from appliance.pipeline.cached import JobCache
from appliance.pipeline.pack import AvatarPack, Manifest
from appliance.pipeline.progress import Job
from appliance.volumes import Volumes

DEMO: Final = "demo"


def names(volumes: Volumes) -> list[str]:
    """Every avatar's name, the shipped one first."""
    folders = volumes.avatars.glob(f"*/{pack.MANIFEST}")
    return [DEMO, *sorted(path.parent.name for path in folders if not path.parent.name.startswith("."))]


def add(
    source: Path,
    name: str,
    volumes: Volumes,
    *,
    face: int | None,
    replace: bool,
    job: Job | None,
    cache: JobCache | None = None,
) -> AvatarPack:
    """Enrol a file under a name; see `enroll.enroll`."""
    if name == DEMO:
        raise InputError(f"the name {DEMO} belongs to the avatar that is shipped", hint="choose another name")
    from appliance.pipeline import enroll

    return enroll.enroll(source, name, volumes.avatars, face=face, replace=replace, job=job, cache=cache)


def show(name: str, volumes: Volumes, *, verify: bool = True) -> AvatarPack:
    """The avatar of that name; `InputError` if there is none, or it is damaged."""
    if name == DEMO:
        return _demo(volumes)
    pack.check_name(name)
    if not (volumes.avatars / name).is_dir():
        raise _unknown(name, volumes)
    return AvatarPack.load(volumes.avatars / name, verify=verify)


def remove(name: str, volumes: Volumes) -> None:
    """Take an avatar away for good, damaged or not."""
    if name == DEMO:
        raise InputError(f"the avatar {DEMO} is part of the program and cannot be removed")
    pack.check_name(name)
    if not (volumes.avatars / name).is_dir():
        raise _unknown(name, volumes)
    pack.remove_pack(volumes.avatars / name)


def resolve(
    reference: str,
    volumes: Volumes,
    *,
    face: int | None = None,
    job: Job | None = None,
    cache: JobCache | None = None,
) -> AvatarPack:
    """What `--avatar` means: a file if there is one of that path, else the avatar of that name."""
    path = Path(reference)
    try:
        is_file = path.is_file()
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror or error}", hint="check the path and its rights"
        ) from error
    if is_file:
        from appliance.pipeline import enroll

        return enroll.pack_for(path, volumes.packs, face=face, job=job, cache=cache)
    if reference in names(volumes):
        return show(reference, volumes)
    raise _unknown(reference, volumes)


def _demo(volumes: Volumes) -> AvatarPack:
    """The drawn avatar's pack, kept under a digest of the code that draws it."""
    from appliance.pipeline import demo

    sources = sorted(path for folder in demo.__path__ for path in Path(folder).glob("*.py"))
    code = "".join(pack.file_digest(path) for path in sources)
    key = hashlib.sha256(f"{code} {pack.FORMAT_VERSION}".encode()).hexdigest()
    target = volumes.packs / f"{DEMO}-{key}"
    if target.exists():
        try:
            return AvatarPack.load(target)
        except InputError:
            pack.remove_pack(target)

    from appliance.pipeline import enroll
    from appliance.pipeline.rig import build_rig

    def draw(folder: Path) -> None:
        picture, points = demo.draw_demo()
        height, width = picture.shape[:2]
        manifest = Manifest(DEMO, "drawn", width, height)
        pack.seal(folder, manifest, picture, points[None], build_rig(picture, points))

    return enroll.build(target, draw, replacing=False)


def _unknown(name: str, volumes: Volumes) -> InputError:
    known = ", ".join(names(volumes))
    return InputError(
        f"there is neither a file nor an avatar {name}", hint=f"give a picture or video file, or one of: {known}"
    )
