"""Backup and restore over HTTP. Only for a person with a session: a backup holds the password's hash and the keys."""

from __future__ import annotations

import datetime as dt
from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import String
from flask import Response, request

from appliance.console.api.shapes import REFUSALS
from appliance.console.api.updates import UpdateMessage
from appliance.console.api.uploads import keep_upload
from appliance.console.box import Box, the_box
from appliance.console.errands import errands
from appliance.console.security.access import for_person, takes_file
from appliance.errors import ApplianceError, InputError
from appliance.jobs import leftovers, saved
from appliance.jobs.uploads import Upload
from appliance.update.backup import Backup
from appliance.update.restore import restore
from appliance.update.step import Step

blueprint = APIBlueprint("api_backup", __name__, tag="Backup")


class PassphraseIn(Schema):
    passphrase = String(required=True, metadata={"description": "at least ten characters"})


@blueprint.post("/backup")
@for_person
@blueprint.input(PassphraseIn, arg_name="given")
@blueprint.doc(
    summary="Configuration, avatars and videos as one encrypted file",
    responses=REFUSALS,
)
def make_backup(given: dict[str, Any]) -> Response:
    return backup_file(the_box(), given["passphrase"])


@blueprint.post("/restore")
@for_person
@takes_file
@blueprint.output(UpdateMessage, status_code=202)
@blueprint.doc(
    summary="Put back what a backup holds",
    description="`multipart/form-data` with the fields `file` and `passphrase`. All of it is verified before anything "
    "is changed; then the box's processes restart. How far it is, `errand` of `GET /updates` tells.",
    responses=[*REFUSALS, 507],
)
def restore_backup() -> dict[str, Any]:
    begin_restore(keep_upload(), request.form.get("passphrase", ""))
    return {"message": "the backup is being restored"}


def backup_file(box: Box, passphrase: str) -> Response:
    """The backup as a download, made while it is sent; nothing of it is kept.

    What goes wrong on the way ends it early, and both the browser and `restore` notice that.
    """
    backup = Backup(box.volumes, saved.lines(box.jobs))
    name = f"{box.configuration().get('name') or 'mouthpiece'}-{dt.datetime.now(dt.UTC):%Y-%m-%d}.backup"
    response = Response(backup.stream(passphrase), mimetype="application/octet-stream")
    response.content_length = backup.size
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def begin_restore(upload: Upload, passphrase: str) -> None:
    """Verify and restore in the background; the file is removed in the end, and the processes start anew."""
    box = the_box()

    def work(step: Step) -> str:
        with upload.path.open("rb") as source:
            made = restore(box.volumes, source, passphrase, lambda lines: saved.adopt(box.volumes.jobs, lines), step)
        return f"{made.files} files of {made.name or 'the box'} are restored; log in with the password of then"

    def finish(done: bool) -> None:
        leftovers.remove(upload.path.parent)
        if done:
            box.control.ask("reload")
            box.control.ask("restart", child="all")

    try:
        if not passphrase:
            raise InputError("the passphrase is missing", hint="give the one that the backup was made with")
        errands().begin("restore", work, finish)
    except ApplianceError:
        finish(False)
        raise
