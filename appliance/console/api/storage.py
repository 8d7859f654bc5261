"""The wear of the storage: what the supervisor published last, or a look of the console's own while it is not there."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import Dict, Float, List

from appliance.console.api.shapes import REFUSALS, live_states
from appliance.console.box import Box, the_box
from appliance.storage import wear_report
from appliance.storage.cache import box as cache

blueprint = APIBlueprint("api_storage", __name__, tag="Storage")


class Storage(Schema):
    time = Float()
    days = Float(metadata={"description": "days of history that the forecasts can stand on"})
    nand = List(Dict(), metadata={"description": "UBI devices: erase counters, bad blocks, budget, forecast"})
    disks = List(Dict(), metadata={"description": "eMMC and NVMe: percent of life used, forecast"})
    places = List(Dict(), metadata={"description": "where each volume lies, its size, bytes a day"})
    writers = List(Dict(), metadata={"description": "bytes that each process has written in the last seven days"})
    cache = Dict(metadata={"description": "what the cache holds, was asked for and wrote, in all and by kind of item"})
    advice = List(Dict(), metadata={"description": "findings: status, message, fix"})


@blueprint.get("/storage")
@blueprint.output(Storage)
@blueprint.doc(summary="How worn the storage is, and how long it will last", responses=REFUSALS)
def show_storage() -> dict[str, Any]:
    return storage_report(the_box())


def storage_report(box: Box) -> dict[str, Any]:
    """The value that `appliance.storage.wear_report` describes, and the statistics of the cache."""
    states = live_states(box)
    known = states.get("storage") or wear_report.now(box.volumes)
    return {**known, "cache": cache.statistics(box.volumes, states)}
