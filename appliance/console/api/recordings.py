"""The kiosk's microphone: which ones there are, and recording with the box's own.

The recording's progress, and the upload that it ends as, come as the state `recording` in GET /events.
"""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import Boolean, Dict, Float, List, String
from apiflask.validators import Length, Range

from appliance.console.api.shapes import REFUSALS, live_states
from appliance.console.box import the_box
from appliance.console.security.access import for_kiosk

blueprint = APIBlueprint("api_recordings", __name__, tag="Recordings")


class Microphones(Schema):
    devices = List(Dict(), metadata={"description": "id, name, present, chosen"})


class NewRecording(Schema):
    seconds = Float(
        load_default=None,
        allow_none=True,
        validate=Range(min=0.5, max=10_800),
        metadata={"description": "length; without it the recording ends when nobody speaks any more"},
    )
    device = String(load_default=None, allow_none=True, validate=Length(max=200))


class Recording(Schema):
    id = String()


class Stop(Schema):
    keep = Boolean(load_default=True)


@blueprint.get("/microphones")
@for_kiosk
@blueprint.output(Microphones)
@blueprint.doc(summary="The microphones of the box", responses=REFUSALS)
def list_microphones() -> dict[str, Any]:
    known = live_states(the_box()).get("microphones") or {}
    return {"devices": known.get("devices", [])}


@blueprint.post("/recordings")
@for_kiosk
@blueprint.input(NewRecording, arg_name="wanted")
@blueprint.output(Recording, status_code=201)
@blueprint.doc(summary="Begin to record with the box's microphone", responses=REFUSALS)
def begin(wanted: dict[str, Any]) -> dict[str, Any]:
    return {"id": the_box().control.ask("record", **wanted)["id"]}


@blueprint.post("/recordings/stop")
@for_kiosk
@blueprint.input(Stop, arg_name="wanted")
@blueprint.output({}, status_code=202)
@blueprint.doc(summary="End the recording", responses=REFUSALS)
def stop(wanted: dict[str, Any]) -> dict[str, Any]:
    the_box().control.ask("stop_recording", keep=wanted["keep"])
    return {}
