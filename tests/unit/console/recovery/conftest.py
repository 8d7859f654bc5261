"""A box in recovery on this machine: a file stands for the flash of its configuration, everything else is absent."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from appliance.console.recovery import presence
from appliance.console.recovery.box import RecoveryBox
from appliance.console.recovery.layout import Layout, UbiVolume
from appliance.console.recovery.web import create_app
from appliance.console.security import first_boot
from appliance.storage.config import FILE, ConfigStore
from appliance.volumes import Volumes

PASSWORD = "correct horse battery"  # noqa: S105
LAYOUT = Layout(
    "virt-arm64",
    "QEMU virt (arm64)",
    "/dev/no-such-disk",
    (("boot-a", 64 << 20), ("root-a", 1 << 30), ("data", 0)),
    (UbiVolume("state", 32 << 20, "zstd"), UbiVolume("cache", 0, "none")),
    True,
)


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecoveryBox:
    flash = Volumes(tmp_path / "flash")
    store = ConfigStore(flash)
    store.update(lambda config: config.update(admin=first_boot.credentials(PASSWORD), name="studio-box"))
    volumes = Volumes(tmp_path / "box")
    volumes.config.mkdir(parents=True)
    (volumes.config / FILE).symlink_to(flash.config / FILE)
    box = RecoveryBox(LAYOUT, volumes)
    # It names devices and mounts volumes, and those of this machine are none of ours.
    monkeypatch.setattr(box.parts, "attach", lambda: None)
    return box


@pytest.fixture
def app(box: RecoveryBox) -> Flask:
    return create_app(box)


class Visitor:
    """Fills in forms as people do."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **headers: str) -> str:
        return self.client.get(path, headers=headers, follow_redirects=True).text

    def post(self, path: str, **fields: str) -> str:
        self.client.get(path)
        with self.client.session_transaction() as session:
            token = session["csrf"]
        return self.client.post(path, data={"csrf_token": token, **fields}, follow_redirects=True).text


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())


@pytest.fixture
def owner(visitor: Visitor, box: RecoveryBox) -> Visitor:
    visitor.post("/login", password=presence.code(box.volumes))
    return visitor
