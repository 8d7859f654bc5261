"""`mouthpiece avatar`: enrol, list and look at avatars."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.commands.shared import as_json, cancellable
from appliance.volumes import Volumes

if TYPE_CHECKING:
    from appliance.pipeline.pack import AvatarPack


@click.group()
def avatar() -> None:
    """Enrol, list and look at avatars."""


@avatar.command("add")
@click.argument("name")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--face", type=int, help="Which face, counted from the left, where there are several.")
@click.option("--replace", is_flag=True, help="Replace an avatar of this name.")
@as_json
@click.pass_obj
def avatar_add(volumes: Volumes, name: str, source: Path, face: int | None, replace: bool, json_: bool) -> None:
    """Enrol the picture or video SOURCE as NAME."""
    from appliance.pipeline import avatars

    with cancellable(json_) as job:
        pack = avatars.add(source, name, volumes, face=face, replace=replace, job=job)
    _show(pack, json_)


@avatar.command("list")
@as_json
@click.pass_obj
def avatar_list(volumes: Volumes, json_: bool) -> None:
    """Name every avatar."""
    from appliance.pipeline import avatars

    known = avatars.names(volumes)
    click.echo(json.dumps(known) if json_ else "\n".join(known))


@avatar.command("show")
@click.argument("name")
@as_json
@click.pass_obj
def avatar_show(volumes: Volumes, name: str, json_: bool) -> None:
    """Say what is known of an avatar, after checking it."""
    from appliance.pipeline import avatars

    _show(avatars.resolve(name, volumes), json_)


@avatar.command("remove")
@click.argument("name")
@click.pass_obj
def avatar_remove(volumes: Volumes, name: str) -> None:
    """Remove an avatar."""
    from appliance.pipeline import avatars

    avatars.remove(name, volumes)
    click.echo(f"removed {name}")


@avatar.command("sheet")
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="The PNG file to write (default: NAME-sheet.png).")
@click.option("--face", type=int, help="Which face, counted from the left, where there are several.")
@click.pass_obj
def avatar_sheet(volumes: Volumes, name: str, out: Path | None, face: int | None) -> None:
    """Draw an avatar (a name or a file) in all visemes in one picture, to judge it by eye."""
    from appliance.pipeline import avatars, sheet
    from appliance.pipeline.model import check_writable

    target = out or Path(f"{Path(name).stem}-sheet.png")
    check_writable(target)
    with cancellable(quiet=False) as job:
        sheet.save(avatars.resolve(name, volumes, face=face, job=job), target)
    click.echo(str(target))


def _show(pack: AvatarPack, json_: bool) -> None:
    manifest = asdict(pack.manifest)
    if json_:
        click.echo(json.dumps({"path": str(pack.path), **manifest}))
        return
    kind, frames = manifest["kind"], manifest["frames"]
    length = f", {frames} frames at {manifest['fps']:g} fps" if frames > 1 else ""
    click.echo(f"{manifest['name']}: {kind}, {manifest['width']}x{manifest['height']}{length}, in {pack.path}")
