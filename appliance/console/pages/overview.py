"""/: what is being made, how the box is, the latest videos."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import psutil
from flask import Blueprint, render_template

from appliance.console import charts
from appliance.console.box import the_box
from appliance.console.i18n import _, _n
from appliance.console.pages.frame import box_name, date, local, size
from appliance.console.pages.jobs import job_page
from appliance.console.pages.live import Snapshot, snapshot
from appliance.jobs.job import Job, State

pages = Blueprint("overview", __name__)

_DAYS = 14
_VIDEOS = 10


@pages.get("/")
def overview() -> str:
    box, now = the_box(), snapshot()
    active = [job for job in box.jobs.list(states=(State.RUNNING, State.QUEUED), limit=20) if job.kind != "inspect"]
    done = box.jobs.list(states=(State.DONE,), kind="render", limit=500)
    return render_template(
        "overview.html",
        **job_page(),
        greeting=box_name(),
        verdict=_verdict(now),
        running=now.running,
        trouble=now.state("worker").get("trouble"),
        active=active[::-1],
        findings=now.complaints,
        children=now.children,
        videos=done[:_VIDEOS],
        chart=_chart(done),
        meters=_meters(),
        telemetry=_telemetry(now.state("telemetry")),
    )


def _verdict(now: Snapshot) -> str:
    if not now.running:
        return _("The box is not running; nothing is made until it is.")
    if now.complaints:
        return _n("One thing wants your attention.", "{n} things want your attention.", len(now.complaints))
    return _("Everything works.")


def _chart(done: list[Job]) -> Any:
    """Videos finished on each of the last days."""
    today = local(time.time()).date()
    days = [today - dt.timedelta(days=back) for back in range(_DAYS - 1, -1, -1)]
    made = [local(job.finished or job.created).date() for job in done]
    values = [(date(day), made.count(day)) for day in days]
    label = _n("One video in the last 14 days", "{n} videos in the last 14 days", sum(count for _day, count in values))
    return charts.columns(values, label)


def _meters() -> list[dict[str, Any]]:
    disk = psutil.disk_usage(str(the_box().volumes.data))
    memory = psutil.virtual_memory()
    return [
        _meter(_("Data disk"), disk.total - disk.free, disk.total),
        _meter(_("Memory"), memory.total - memory.available, memory.total),
    ]


def _meter(name: str, used: int, total: int) -> dict[str, Any]:
    text = _("{used} of {total}", used=size(used), total=size(total))
    return {"name": name, "text": text, "chart": charts.level(used / max(1, total), f"{name}: {text}")}


def _telemetry(values: dict[str, Any]) -> list[tuple[str, str]]:
    shown = (
        ("cpu_temperature_c", _("Processor"), "{:.0f} °C"),
        ("temperature_c", _("Processor"), "{:.0f} °C"),
        ("cpu", _("Processor load"), "{:.0f} %"),
        ("gpu_temperature_c", _("Graphics"), "{:.0f} °C"),
        ("gpu_load_percent", _("Graphics load"), "{:.0f} %"),
        ("npu_load_percent", _("NPU load"), "{:.0f} %"),
    )
    return [(name, form.format(values[key])) for key, name, form in shown if isinstance(values.get(key), int | float)]
