"""`/metrics` for Prometheus and `/healthz` for whoever only wants to know whether the console answers.

Everything is collected when it is asked for; nothing is counted in this process. Metrics need a login or an API token,
except from the box itself. What the supervisor knows is missing while it does not answer (`mouthpiece_up` is 0).

Bytes written are those of the disk that a volume lies on, since the kernel started, as /proc/diskstats counts them; a
volume on something else (UBIFS, overlay, tmpfs) has no such series.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from appliance.console.box import Box, the_box
from appliance.console.security.access import before_setup, for_loopback
from appliance.control import NotRunningError
from appliance.jobs.job import State
from appliance.storage.cache import box as cache

blueprint = Blueprint("metrics", __name__)

_SECTOR_BYTES: Final = 512
_DISKSTATS: Final = Path("/proc/diskstats")


@blueprint.get("/healthz")
@before_setup
def healthz() -> Response:
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/metrics")
@for_loopback
def metrics() -> Response:
    registry = CollectorRegistry()
    registry.register(Collected(the_box()))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Collected:
    """All metrics of the box at one moment."""

    def __init__(self, box: Box) -> None:
        self._box = box

    def collect(self) -> Iterator[Metric]:
        try:
            told = self._box.control.ask("status")
        except NotRunningError:
            told = {}
        yield GaugeMetricFamily("mouthpiece_up", "Whether the supervisor answers", value=float(bool(told)))
        yield from self._jobs()
        yield from self._volumes()
        yield from _children(told.get("children", []))
        yield _findings(told.get("findings", []))
        states = told.get("states", {})
        yield from _telemetry(states.get("telemetry") or {})
        yield from _wear(states.get("storage") or {})
        yield from _cache(cache.statistics(self._box.volumes, states))

    def _jobs(self) -> Iterator[Metric]:
        counts = self._box.jobs.counts()
        by_state = GaugeMetricFamily("mouthpiece_jobs", "Jobs in each state", labels=["state"])
        for state, number in counts.items():
            by_state.add_metric([state], number)
        yield by_state
        yield GaugeMetricFamily("mouthpiece_queue_depth", "Jobs that wait", value=counts[State.QUEUED])
        stages = GaugeMetricFamily(
            "mouthpiece_last_render_stage_seconds",
            "Seconds in each stage of the newest finished video",
            labels=["stage"],
        )
        for job in self._box.jobs.list(states=[State.DONE], kind="render", limit=1):
            for stage, seconds in ((job.result or {}).get("stages") or {}).items():
                stages.add_metric([stage.removesuffix("_s")], float(seconds))
        yield stages

    def _volumes(self) -> Iterator[Metric]:
        free = GaugeMetricFamily("mouthpiece_volume_free_bytes", "Space left for the box", labels=["volume"])
        size = GaugeMetricFamily("mouthpiece_volume_size_bytes", "Size of the volume", labels=["volume"])
        written = CounterMetricFamily(
            "mouthpiece_volume_written_bytes",
            "Bytes written to the volume's disk since the kernel started",
            labels=["volume"],
        )
        disks = _sectors_written()
        volumes = self._box.volumes
        for name, path in (
            ("config", volumes.config),
            ("state", volumes.state),
            ("cache", volumes.cache),
            ("data", volumes.data),
        ):
            try:
                found, device = os.statvfs(path), path.stat().st_dev
            except OSError:  # nobody has written there yet
                continue
            free.add_metric([name], found.f_bavail * found.f_frsize)
            size.add_metric([name], found.f_blocks * found.f_frsize)
            if device in disks:
                written.add_metric([name], disks[device] * _SECTOR_BYTES)
        yield from (free, size, written)


def _sectors_written() -> dict[int, int]:
    """Sectors written by device number. Fields as in the kernel's Documentation/admin-guide/iostats.rst."""
    found = {}
    for line in _DISKSTATS.read_text().splitlines():
        fields = line.split()
        found[os.makedev(int(fields[0]), int(fields[1]))] = int(fields[9])
    return found


def _children(children: Iterable[dict[str, Any]]) -> Iterator[Metric]:
    ready = GaugeMetricFamily("mouthpiece_process_ready", "Whether the process serves", labels=["process"])
    restarts = CounterMetricFamily("mouthpiece_process_restarts", "Restarts since the box started", labels=["process"])
    memory = GaugeMetricFamily("mouthpiece_process_resident_bytes", "Resident memory", labels=["process"])
    for child in children:
        ready.add_metric([child["name"]], float(child["state"] == "ready"))
        restarts.add_metric([child["name"]], child["restarts"])
        if child.get("rss"):
            memory.add_metric([child["name"]], child["rss"])
    yield from (ready, restarts, memory)


def _findings(findings: Iterable[dict[str, Any]]) -> Metric:
    family = GaugeMetricFamily("mouthpiece_findings", "Findings of the health checks", labels=["status"])
    listed = [finding["status"] for finding in findings]
    for status in ("ok", "warning", "problem"):
        family.add_metric([status], listed.count(status))
    return family


def _telemetry(telemetry: dict[str, Any]) -> Iterator[Metric]:
    """Whatever number the worker measures, by its name: temperatures, processor, GPU."""
    family = GaugeMetricFamily("mouthpiece_telemetry", "What the worker measures of the machine", labels=["what"])
    for name, value in _numbers(telemetry):
        family.add_metric([name], value)
    yield family


def _wear(report: dict[str, Any]) -> Iterator[Metric]:
    """How worn the storage is; the report is that of `appliance.storage.wear_report`."""
    nand, disks = report.get("nand", []), report.get("disks", [])
    for name, key, what in (
        ("mean_erases", "mean_erases", "Erases of the average block"),
        ("max_erases", "max_erases", "Erases of the most worn block"),
        ("bad_blocks", "bad_blocks", "Blocks that are not used any more"),
        ("reserved_blocks", "reserve", "Blocks that stand by for bad ones"),
        ("read_only", "read_only", "Whether the chip has become read-only"),
    ):
        family = GaugeMetricFamily(f"mouthpiece_nand_{name}", what, labels=["device"])
        for device in nand:
            if device[key] is not None:
                family.add_metric([device["name"]], float(device[key]))
        yield family
    left = GaugeMetricFamily("mouthpiece_storage_years_left", "Years until worn out", labels=["device", "estimate"])
    used = GaugeMetricFamily("mouthpiece_disk_life_used_ratio", "Life used at most", labels=["device"])
    for device in [*nand, *disks]:
        for estimate, key in (("low", "low"), ("likely", "years"), ("high", "high")):
            if device["forecast"][key] is not None:
                left.add_metric([device["name"], estimate], device["forecast"][key])
    for disk in disks:
        if disk["used_high"] is not None:
            used.add_metric([disk["name"]], disk["used_high"] / 100)
    written = GaugeMetricFamily(
        "mouthpiece_process_written_bytes", "Bytes written to any volume in the last seven days", labels=["process"]
    )
    for writer in report.get("writers", []):
        written.add_metric([writer["name"]], writer["bytes"])
    yield from (left, used, written)


def _cache(statistics: dict[str, Any]) -> Iterator[Metric]:
    """What the cache holds and was asked for, by kind of item; nothing where there is none yet."""
    if not statistics:
        return
    for name, key, what in (("items", "items", "Items in the cache"), ("bytes", "bytes", "Bytes of these items")):
        held = GaugeMetricFamily(f"mouthpiece_cache_{name}", what, labels=["kind"])
        for kind, counted in statistics["kinds"].items():
            held.add_metric([kind], counted[key])
        yield held
    for name, key, what in (
        ("hits", "hits", "Requests that the cache served"),
        ("misses", "misses", "Requests that it could not serve"),
        ("admitted_bytes", "admitted_bytes", "Bytes of items that it took in"),
        ("over_budget", "over_budget", "Items turned away because the flash was written enough"),
    ):
        happened = CounterMetricFamily(f"mouthpiece_cache_{name}", what, labels=["kind"])
        for kind, counted in statistics["kinds"].items():
            happened.add_metric([kind], counted[key])
        yield happened
    yield CounterMetricFamily(
        "mouthpiece_cache_written_bytes", "Bytes that the cache wrote to its volume", value=statistics["file_bytes"]
    )


def _numbers(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{name}_")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)
