"""Handing in recordings, pictures and videos. They are streamed to the data disk and decoded only by the worker."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import Float, Integer, String
from flask import request

from appliance.console.admission import upload_limit
from appliance.console.api.shapes import REFUSALS
from appliance.console.box import the_box
from appliance.console.errors import not_found
from appliance.console.security.access import takes_file
from appliance.errors import InputError
from appliance.jobs import uploads
from appliance.jobs.uploads import Upload

blueprint = APIBlueprint("api_uploads", __name__, tag="Uploads")


class UploadOut(Schema):
    id = String()
    name = String()
    size = Integer(metadata={"description": "bytes"})
    sha256 = String()
    received = Float()
    inspect = String(metadata={"description": "id of the job that finds out what it is"})


def keep_upload() -> Upload:
    """The present request's file: the form's field `file`, or the body itself, named by `?name=`."""
    box = the_box()
    limit = upload_limit(box)
    if request.mimetype == "multipart/form-data":
        file = request.files.get("file")
        if file is None or not file.filename:
            raise InputError("no file was sent", hint="send it as the form's field `file`")
        return uploads.receive(box.volumes, file.stream, file.filename, limit)
    return uploads.receive(box.volumes, request.stream, request.args.get("name", ""), limit)


def inspection(upload: Upload) -> str:
    """Id of the job that looks at an upload; begun if there is none."""
    return the_box().jobs.submit("inspect", {"upload": upload.id}, key=f"inspect-{upload.id}").id


@blueprint.post("/uploads")
@takes_file
@blueprint.output(UploadOut, status_code=201)
@blueprint.doc(
    summary="Hand in a file",
    description="Either `multipart/form-data` with the field `file`, or the file itself as the body with `?name=`.",
    responses=[*REFUSALS, 507],
)
def upload_file() -> dict[str, Any]:
    return _out(keep_upload())


@blueprint.get("/uploads/<identifier>")
@blueprint.output(UploadOut)
@blueprint.doc(summary="What is known of an upload", responses=REFUSALS)
def show_upload(identifier: str) -> dict[str, Any]:
    try:
        upload = uploads.get(the_box().volumes, identifier)
    except InputError:
        raise not_found(f"upload {identifier[:40]!r}") from None
    return _out(upload)


def _out(upload: Upload) -> dict[str, Any]:
    known = {name: getattr(upload, name) for name in ("id", "name", "size", "sha256", "received")}
    return {**known, "inspect": inspection(upload)}
