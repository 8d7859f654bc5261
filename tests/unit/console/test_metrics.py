from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from appliance.console.box import Box
from appliance.control import SOCKET

STATUS = {
    "children": [{"name": "worker", "state": "ready", "restarts": 2, "rss": 1000}],
    "findings": [{"status": "ok"}, {"status": "problem"}],
    "states": {"telemetry": {"cpu": 0.5, "temperature_c": 48.5, "gpu": {"memory_mb": 100}, "name": "board"}},
}


@pytest.fixture
def supervised(box: Box) -> Iterator[None]:
    """A supervisor's socket that says how the box is."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(box.volumes.run / SOCKET))
    server.listen()

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(json.dumps({"ok": True, **STATUS}).encode() + b"\n")

    thread = threading.Thread(target=answer)
    thread.start()
    yield
    thread.join()
    server.close()


def samples(client: FlaskClient) -> dict[tuple[str, ...], float]:
    """Metrics by name and label values."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    families = list(text_string_to_metric_families(answer.text))
    assert all(family.documentation for family in families)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


@pytest.mark.usefixtures("supervised")
def test_what_the_supervisor_knows_is_exported(owner: FlaskClient) -> None:
    found = samples(owner)
    assert found["mouthpiece_up",] == 1
    assert found["mouthpiece_process_ready", "worker"] == 1
    assert found["mouthpiece_process_restarts_total", "worker"] == 2
    assert found["mouthpiece_process_resident_bytes", "worker"] == 1000
    assert found["mouthpiece_findings", "problem"] == 1
    assert found["mouthpiece_telemetry", "temperature_c"] == 48.5
    assert found["mouthpiece_telemetry", "gpu_memory_mb"] == 100


def test_jobs_stages_and_volumes_are_exported_without_a_supervisor(owner: FlaskClient, box: Box) -> None:
    spec: dict[str, Any] = {"avatar": "demo", "audio": {"upload": "a" * 20}}
    done, _ = (box.jobs.submit("render", spec) for _ in range(2))
    box.jobs.finish(done.id, {"output": "x.mp4", "stages": {"paint_s": 1.5, "encode_s": 2}})
    found = samples(owner)
    assert found["mouthpiece_up",] == 0
    assert found["mouthpiece_jobs", "done"] == 1
    assert found["mouthpiece_jobs", "failed"] == 0
    assert found["mouthpiece_queue_depth",] == 1
    assert found["mouthpiece_last_render_stage_seconds", "encode"] == 2
    assert found["mouthpiece_volume_free_bytes", "data"] > 0
    assert found["mouthpiece_volume_size_bytes", "data"] >= found["mouthpiece_volume_free_bytes", "data"]


def test_health_is_one_word(owner: FlaskClient) -> None:
    assert owner.get("/healthz").text == "ok\n"
