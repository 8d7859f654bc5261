"""Schemathesis makes requests from the OpenAPI description, right and wrong ones, to a running box: none ends as a bug.

An unhealthy or busy box may say 503 or 507, with what to do; any other 5xx is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from tests.integration.console_server import Client, Console, set_up_box

LEFT_OUT = ("/api/v1/events", "/api/v1/logs/stream", "/api/v1/restart")
"""Streams never end, and restarting ends what is tested."""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with set_up_box(tmp_path_factory.mktemp("box")) as started:
        yield started


@pytest.fixture(scope="module")
def owner(box: Console) -> Client:
    return box.client().log_in()


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_finds_a_bug(box: Console, owner: Client, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(owner.get("/api/v1/openapi.json").json)
    asked: set[tuple[str, str, int]] = set()

    def ask(case: Any) -> None:
        headers = {"X-CSRF-Token": owner.csrf}
        response = case.call(f"http://127.0.0.1:{owner.port}", cookies=owner.cookies, headers=headers, timeout=30)
        asked.add((case.method, case.path, response.status_code))
        assert response.status_code < 500 or response.status_code in (503, 507), response.content
        if response.status_code >= 400:
            assert response.json()["message"], response.content

    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        if operation.path in LEFT_OUT:
            continue
        cases = operation.as_strategy(generation_mode=mode)
        quick = settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        quick(given(case=cases)(ask))()
    assert len({(method, path) for method, path, _ in asked}) > 40
    assert {200, 404} <= {status for _, _, status in asked}
    assert "Traceback" not in box.log.read_text()


def test_the_description_is_complete(owner: Client) -> None:
    paths = owner.get("/api/v1/openapi.json").json["paths"]
    operations = [(path, verb) for path, verbs in paths.items() for verb in verbs if verb != "parameters"]
    assert len(operations) > 40
    assert all(path.startswith("/api/v1/") for path, _ in operations)
    assert all(paths[path][verb]["summary"] for path, verb in operations)
