"""/logs: what was logged, by level and part. Scripts make it live; without them it is what a reload shows."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, render_template, request

from appliance.console.box import the_box
from appliance.errors import ApplianceError
from appliance.storage.logs import Record, read

pages = Blueprint("logs", __name__)

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_PAGE: Final = 200


@pages.get("/logs")
def show() -> str:
    level = request.args.get("level", "INFO")
    level = level if level in LEVELS else "INFO"
    part = request.args.get("part", "")[:100]
    try:
        until = float(request.args.get("until", ""))
    except ValueError:
        until = None
    records = _newest(level, part, until)
    chosen = {"level": level, "part": part}
    filled = {name: value for name, value in chosen.items() if value}
    parts = sorted({record.part.split(".")[0] for record in _newest("DEBUG", "", None)} | ({part} if part else set()))
    return render_template(
        "logs.html",
        records=records,
        newest=records[0].id if records and until is None else "",
        levels=LEVELS,
        parts=parts,
        chosen=chosen,
        query="?" + urlencode(filled),
        older="/logs?" + urlencode({**filled, "until": records[-1].t}) if len(records) == _PAGE else "",
    )


def _newest(level: str, part: str, until: float | None) -> list[Record]:
    """The newest records first: from the supervisor, who knows also what is not on the disk yet, else from the disk."""
    box = the_box()
    try:
        said = box.control.stream(
            "logs", timeout_s=5.0, level=level, part=part or None, until=until, limit=_PAGE, follow=False
        )
        found = [Record(**answer["record"]) for answer in said if "record" in answer]
        return found[::-1]
    except (ApplianceError, OSError):
        return list(read(box.volumes.logs, level=level, part=part or None, until=until, limit=_PAGE, newest_first=True))
