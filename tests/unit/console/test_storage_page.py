"""The storage page, its API and its metrics, for a box with simulated flash and for one with none."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from appliance.console.box import Box
from appliance.control import SOCKET
from appliance.storage import wear_report
from appliance.storage.cache import box as cache
from appliance.storage.wear_history import DAY_S, Sample
from tests import nand_trees

Publish = Callable[[dict[str, Any]], None]


@pytest.fixture
def publish(box: Box) -> Iterator[Publish]:
    """A supervisor's socket that knows this state "storage"."""
    server = socket.socket(socket.AF_UNIX)
    states: dict[str, Any] = {}

    def answer() -> None:
        while True:
            connection, _ = server.accept()
            with connection:
                if not connection.recv(1000):
                    return
                told = {"ok": True, "children": [], "findings": [], "states": states}
                connection.sendall(json.dumps(told).encode() + b"\n")

    thread = threading.Thread(target=answer)

    def start(report: dict[str, Any]) -> None:
        states["storage"] = report
        server.bind(str(box.volumes.run / SOCKET))
        server.listen()
        thread.start()

    yield start
    if thread.is_alive():
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(box.volumes.run / SOCKET))
        thread.join()
    server.close()


@pytest.fixture
def worn(box: Box, tmp_path: Path) -> dict[str, Any]:
    """The report of a simulated box after a month: a NAND with bad blocks, an eMMC, two writers."""
    root = tmp_path / "kernel"
    nand_trees.ubi(root, [5000 + number % 90 for number in range(1000)] + [None] * 24)
    nand_trees.emmc(root, "0x03 0x01")
    seen = wear_report.look(box.volumes, root)
    now = wear_report.counters(seen, {"worker": 9e9, "supervisor": 2e6})
    before = {"ubi0.erases": now["ubi0.erases"] - 30 * 9000, "mmcblk0.low": 10, "mmcblk0.high": 20}
    samples = [
        Sample(seen.time - 30 * DAY_S, before),
        Sample(seen.time - 2 * DAY_S, {"by:worker": 1e9, "by:supervisor": 0}),
        Sample(seen.time, now),
    ]
    return wear_report.report(seen, samples)


def text(source: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", source))


def test_a_box_without_flash_shows_where_its_volumes_lie(owner: FlaskClient) -> None:
    shown = text(owner.get("/storage").text)
    assert "This box has no raw NAND memory." in shown
    assert "Avatars and videos" in shown
    assert "Not known while the box does not run." in shown


def test_the_wear_of_simulated_flash_is_shown(owner: FlaskClient, publish: Publish, worn: dict[str, Any]) -> None:
    publish(worn)
    page = owner.get("/storage").text
    shown = text(page)
    assert re.search(r"\b1[2-5] years are left", shown)
    assert "Judged by 30 days." in shown
    assert "20 to 30 % of its life used" in shown
    assert "8.0 GB · 4.0 GB a day" in shown
    assert "ubi0 is well, with 24 bad blocks" in shown
    assert 'aria-label="1024 blocks; the most worn one was erased 5089 times; 24 are bad"' in page
    assert page.count('<svg class="chart') == 1 + 1 + 1 + 1 + 2 + 3  # forecast, map, histogram, disk, writers, volumes
    assert not re.search(r"<[^>]+\s(style|on\w+)=", page)


def test_what_the_cache_holds_is_shown_and_measured(owner: FlaskClient, box: Box) -> None:
    with cache.opened(box.volumes) as opened:
        opened.put("a", bytes(2000), kind="fragment")
        for key in ("a", "a", "b"):
            opened.get(key, kind="fragment")
    shown = text(owner.get("/storage").text)
    assert "Parts of videos 2 of 3 found" in shown
    assert "2 kB of" in shown
    owner.set_cookie("language", "zh-CN")
    assert "视频片段 3 次查找，命中 2 次" in text(owner.get("/storage").text)
    found = {
        (sample.name, sample.labels.get("kind")): sample.value
        for family in text_string_to_metric_families(owner.get("/metrics").text)
        for sample in family.samples
        if sample.name.startswith("mouthpiece_cache")
    }
    assert found["mouthpiece_cache_hits_total", "fragment"] == 2
    assert found["mouthpiece_cache_bytes", "fragment"] == 2000
    assert found["mouthpiece_cache_written_bytes_total", None] > 2000
    answer = owner.get("/api/v1/storage").json
    assert answer is not None
    assert answer["cache"]["kinds"]["fragment"]["misses"] == 1


def test_it_is_shown_in_chinese(owner: FlaskClient, publish: Publish, worn: dict[str, Any]) -> None:
    publish(worn)
    owner.set_cookie("language", "zh-CN")
    shown = text(owner.get("/storage").text)
    assert "ubi0 状态良好，有 24 个坏块：大约还剩" in shown
    assert "mmcblk0 (eMMC) 的寿命已用 20 至 30 %" in shown
    assert "根据 30 天的记录判断。" in shown


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ro_mode": 1}, "ubi0 has become read-only."),
        ({"max_ec": 60_000}, "its most worn block was erased 60000 times"),
        ({"reserved_for_bad": 0}, "only 0 left in reserve"),
    ],
)
def test_a_simulated_chip_in_trouble_is_shown_without_a_history(
    owner: FlaskClient, publish: Publish, box: Box, tmp_path: Path, values: dict[str, int], words: str
) -> None:
    nand_trees.ubi(tmp_path / "kernel", (), **values)
    seen = wear_report.look(box.volumes, tmp_path / "kernel")
    publish(wear_report.report(seen, [Sample(seen.time, wear_report.counters(seen))]))
    shown = text(owner.get("/storage").text)
    assert words in shown
    assert "The kernel does not tell the wear of each block here." in shown
    assert "There is no day of history yet" in shown


def test_scripts_get_the_same_report(owner: FlaskClient, publish: Publish, worn: dict[str, Any]) -> None:
    publish(worn)
    answer = owner.get("/api/v1/storage")
    assert answer.status_code == 200
    assert answer.json == json.loads(json.dumps(worn)) | {"cache": {}}


def test_scripts_are_answered_without_a_supervisor_too(owner: FlaskClient) -> None:
    answer = owner.get("/api/v1/storage").json
    assert answer is not None
    assert answer["writers"] == []
    assert {place["volume"] for place in answer["places"]} >= {"state", "data"}


def test_strangers_are_not_told(owner: FlaskClient) -> None:
    assert owner.application.test_client().get("/api/v1/storage").status_code == 401


def test_metrics_tell_the_wear(owner: FlaskClient, publish: Publish, worn: dict[str, Any]) -> None:
    publish(worn)
    families = text_string_to_metric_families(owner.get("/metrics").text)
    found = {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}
    assert found["mouthpiece_nand_max_erases", "ubi0"] == 5089
    assert found["mouthpiece_nand_bad_blocks", "ubi0"] == 24
    assert found["mouthpiece_disk_life_used_ratio", "mmcblk0"] == 0.3
    assert found["mouthpiece_process_written_bytes", "worker"] == 8e9
    low, likely, high = (found["mouthpiece_storage_years_left", "ubi0", name] for name in ("low", "likely", "high"))
    assert low < likely < high
