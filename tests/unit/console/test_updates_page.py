"""Updates, backup and restore over HTTP; RAUC is a simulated one, all else is real."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from appliance.console.app import create_app
from appliance.console.box import Box
from appliance.storage.config import ConfigStore
from appliance.update import rauc as real_rauc
from appliance.update import sealed
from appliance.update.history import CONFIRMED, History
from appliance.volumes import Volumes
from tests.unit.update.rauc_stand_in import SimulatedRauc

PASSPHRASE = "correct horse battery"  # noqa: S105
DEADLINE_S = 60.0


@pytest.fixture(autouse=True)
def _cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_SCRYPT", {"n": 2, "r": 8, "p": 1})


@pytest.fixture
def rauc(monkeypatch: pytest.MonkeyPatch) -> SimulatedRauc:
    return SimulatedRauc(monkeypatch)


@pytest.fixture
def without_rauc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")


def text(source: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", source))


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def ended(client: FlaskClient) -> dict[str, Any]:
    """The errand, once it is over and its file is gone."""

    def over() -> dict[str, Any] | None:
        errand = client.get("/api/v1/updates").json["errand"]  # type: ignore[index]
        return errand if errand["state"] != "running" else None

    found: dict[str, Any] = until(over)
    return found


def post(client: FlaskClient, do: str, **fields: Any) -> Any:
    return client.post("/updates", data={"do": do, **fields}, content_type="multipart/form-data")


def bundle(name: str = "new.raucb") -> tuple[io.BytesIO, str]:
    return io.BytesIO(b"bundle" * 1000), name


@pytest.mark.usefixtures("without_rauc")
def test_a_machine_without_slots_says_so_and_offers_backups(owner: FlaskClient) -> None:
    shown = text(owner.get("/updates").text)
    assert "This machine has no slots to update." in shown
    assert "Save a backup" in shown
    assert "Install an update" not in shown
    assert owner.get("/api/v1/updates").json == {"available": False, "slots": [], "history": [], "errand": None}
    answer = owner.post("/api/v1/updates/reboot")
    assert (answer.status_code, answer.json["message"]) == (400, "this machine has no slots to update")  # type: ignore[index]


def test_what_runs_and_what_was_installed_by_a_simulated_rauc(
    owner: FlaskClient, box: Box, rauc: SimulatedRauc
) -> None:
    History(box.volumes).add(CONFIRMED, "1.0.0", "rootfs.0", by="hand")
    shown = text(owner.get("/updates").text)
    assert "System A" in shown
    assert "runs now" in shown
    assert "1.0.0 just now proved itself" in shown
    rauc.spoil("rootfs.1")
    assert "cannot boot" in owner.get("/updates").text
    now = owner.get("/api/v1/updates").json
    assert (now["available"], now["booted"], now["trial"]) == (True, "rootfs.0", None)  # type: ignore[index]


def test_an_uploaded_bundle_is_installed_by_a_simulated_rauc(owner: FlaskClient, box: Box, rauc: SimulatedRauc) -> None:
    assert post(owner, "install", file=bundle()).status_code == 303
    errand = ended(owner)
    assert (errand["state"], errand["message"]) == (
        "done",
        "version 9.0.0 is installed; it starts with the next reboot",
    )
    until(lambda: list(box.volumes.uploads.iterdir()) == [])
    assert rauc.now.primary == "rootfs.1"
    shown = text(owner.get("/updates").text)
    assert "Version 9.0.0 is installed; it starts with the next reboot." in shown
    assert "Version 9.0.0 starts with the next reboot." in shown


def test_a_script_sends_the_bundle_as_the_body(owner: FlaskClient, rauc: SimulatedRauc) -> None:
    answer = owner.post(
        "/api/v1/updates/bundle?name=new.raucb", data=b"bundle", content_type="application/octet-stream"
    )
    assert answer.status_code == 202
    assert ended(owner)["state"] == "done"
    assert rauc.now.primary == "rootfs.1"


def test_a_bundle_for_another_board_is_refused_at_once_by_a_simulated_rauc(
    owner: FlaskClient, box: Box, rauc: SimulatedRauc
) -> None:
    rauc.bundle = real_rauc.Bundle("other-board", "9.0.0")
    post(owner, "install", file=bundle())
    assert "new.raucb is for other-board; this box is a board" in text(owner.get("/updates").text)
    assert list(box.volumes.uploads.iterdir()) == []
    assert owner.get("/api/v1/updates").json["errand"] is None  # type: ignore[index]


def test_an_installation_that_fails_says_why_by_a_simulated_rauc(owner: FlaskClient, rauc: SimulatedRauc) -> None:
    rauc.refuse("the update was not installed: no space left")
    post(owner, "install", file=bundle())
    assert (ended(owner)["state"], ended(owner)["message"]) == ("failed", "the update was not installed: no space left")
    shown = text(owner.get("/updates").text)
    assert "The update was not installed: no space left." in shown
    assert "not installed" in shown


@pytest.mark.usefixtures("rauc")
@pytest.mark.parametrize("url", ["file:///etc/passwd", "nonsense", ""])
def test_what_is_no_address_is_refused(owner: FlaskClient, url: str) -> None:
    answer = owner.post("/api/v1/updates/url", json={"url": url})
    assert answer.status_code in (400, 422)


def test_an_update_is_called_off_before_its_reboot_by_a_simulated_rauc(owner: FlaskClient, rauc: SimulatedRauc) -> None:
    post(owner, "install", file=bundle())
    assert ended(owner)["state"] == "done"
    assert "Call the update off" in text(owner.get("/updates").text)
    post(owner, "rollback")
    shown = text(owner.get("/updates").text)
    assert "Version 9.0.0 is called off; the system that runs stays." in shown
    assert "Call the update off" not in shown
    assert rauc.now.primary == rauc.now.booted == "rootfs.0"
    assert owner.get("/api/v1/updates").json["untried"] is None  # type: ignore[index]


def test_going_back_keeping_and_rebooting_by_a_simulated_rauc(
    owner: FlaskClient, box: Box, rauc: SimulatedRauc
) -> None:
    for do in ("rollback", "mark-good", "reboot"):
        assert post(owner, do).status_code == 303
    assert rauc.marked == [("active", "rootfs.1"), ("good", "booted")]
    assert (box.volumes.run / "reboot").is_file()


@pytest.mark.usefixtures("without_rauc")
def test_a_backup_moves_a_box_into_another(owner: FlaskClient, box: Box, tmp_path: Path) -> None:
    (box.volumes.outputs / "video.mp4").write_bytes(b"video" * 1000)
    answer = post(owner, "backup", passphrase=PASSPHRASE, repeat=PASSPHRASE)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    content = answer.data
    assert int(answer.headers["Content-Length"]) == len(content)

    other = create_app(Volumes(tmp_path / "other"))
    client = _owner_of(other, "another password")
    answer = post(client, "restore", file=(io.BytesIO(content), "x.backup"), passphrase=PASSPHRASE)
    assert answer.status_code == 303
    volumes: Volumes = other.extensions["box"].volumes
    until(lambda: other.extensions["errands"].latest()["state"] == "done")
    assert (volumes.outputs / "video.mp4").read_bytes() == b"video" * 1000
    assert ConfigStore(volumes).read() == ConfigStore(box.volumes).read()
    until(lambda: list(volumes.uploads.iterdir()) == [])


@pytest.mark.usefixtures("without_rauc")
def test_a_wrong_passphrase_is_said_and_changes_nothing(owner: FlaskClient, box: Box) -> None:
    content = post(owner, "backup", passphrase=PASSPHRASE, repeat=PASSPHRASE).data
    before = ConfigStore(box.volumes).read()
    post(owner, "restore", file=(io.BytesIO(content), "x.backup"), passphrase=PASSPHRASE.upper())
    assert (ended(owner)["state"], ended(owner)["message"]) == ("failed", "the passphrase is wrong")
    assert "The passphrase is wrong." in owner.get("/updates").text
    assert ConfigStore(box.volumes).read() == before


@pytest.mark.usefixtures("without_rauc")
@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [(PASSPHRASE, "different", "The two passphrases differ."), ("short", "short", "The passphrase has fewer than 10")],
)
def test_a_passphrase_mistyped_or_too_short_makes_no_file(
    owner: FlaskClient, one: str, other: str, reason: str
) -> None:
    assert post(owner, "backup", passphrase=one, repeat=other).status_code == 303
    assert reason in owner.get("/updates").text


@pytest.mark.usefixtures("without_rauc")
def test_secrets_leave_only_with_a_person(owner: FlaskClient, app: APIFlask) -> None:
    token = owner.post("/api/v1/tokens", json={"name": "script"}).json["token"]  # type: ignore[index]
    script = app.test_client()
    script.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    assert script.get("/api/v1/updates").status_code == 200
    assert script.post("/api/v1/backup", json={"passphrase": PASSPHRASE}).status_code == 403
    assert script.post("/api/v1/restore").status_code == 403
    nobody = app.test_client()
    assert nobody.get("/api/v1/updates").status_code in (401, 403)
    assert owner.post("/api/v1/backup", json={"passphrase": PASSPHRASE}).status_code == 200


def _owner_of(app: APIFlask, password: str) -> FlaskClient:
    client = app.test_client()
    token = client.get("/api/v1/session").json["csrf_token"]  # type: ignore[index]
    done = client.post("/api/v1/setup", json={"password": password}, headers={"X-CSRF-Token": token})
    client.environ_base["HTTP_X_CSRF_TOKEN"] = done.json["csrf_token"]  # type: ignore[index]
    return client
