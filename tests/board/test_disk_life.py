"""Under a real systemd: what a real kernel's NVMe controller tells root alone reaches the box in its sandbox.

The controller is QEMU's. In place of the box, its unit starts one look at the disks; its sandbox is the image's.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.board.guest import CHECKOUT, Result, missing
from tests.board.test_ubi_telemetry import GuestWithNvme

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

OVERLAY = CHECKOUT / "rootfs-overlay"
NAMES = (
    *(f"usr/lib/systemd/system/mouthpiece{name}" for name in (".service", "-disk-life.service", "-disk-life.timer")),
    *("usr/lib/mouthpiece/disk-life", "usr/lib/sysusers.d/mouthpiece.conf", "usr/lib/tmpfiles.d/mouthpiece.conf"),
)
PYTHON = CHECKOUT / ".venv/bin/python"
HERE = """[Service]
ExecStart=
ExecStart={command}
TimeoutStartSec=300
# Where this machine keeps its Python; the image has it below /usr.
ProtectHome=tmpfs
BindReadOnlyPaths={places}
"""
LOOK = f"""{PYTHON} -c "import dataclasses, json; from appliance.storage import disk_life; \
print(json.dumps([dataclasses.asdict(disk) for disk in disk_life.disks()]))"
"""
LOOKS = """Type=oneshot
Restart=no
WatchdogSec=0
StandardOutput=truncate:/out/told
"""
SCRIPT = """
set -eu
modprobe nvme
tries=0
while ! [ -e /dev/nvme0 ] && [ $tries -lt 60 ]; do sleep 1; tries=$((tries + 1)); done
mkdir -p /var/lib/mouthpiece
systemd-sysusers
systemd-tmpfiles --create /usr/lib/tmpfiles.d/mouthpiece.conf
systemctl daemon-reload
systemctl start mouthpiece.service
mv /out/told /out/before
systemctl start mouthpiece-disk-life.timer
systemctl start mouthpiece-disk-life.service || true
systemctl status --no-pager mouthpiece-disk-life.service > /out/status-of-it || true
systemctl start mouthpiece.service
mv /out/told /out/after
stat --format '%U %G %a' /run/mouthpiece-disk-life /run/mouthpiece-disk-life/nvme.json > /out/rights
systemctl show --property=Result --value mouthpiece-disk-life.service > /out/result
systemctl show --property=NextElapseUSecMonotonic --value mouthpiece-disk-life.timer > /out/next
systemd-analyze security --no-pager mouthpiece-disk-life.service > /out/exposure
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    overlay = {name: (OVERLAY / name).read_text() for name in NAMES}
    places = " ".join([str(CHECKOUT), *([sys.base_prefix] if sys.base_prefix != "/usr" else [])])
    drop_in = "etc/systemd/system/{}.service.d/here.conf".format
    script = f"{PYTHON} /usr/lib/mouthpiece/disk-life"
    overlay[drop_in("mouthpiece-disk-life")] = HERE.format(command=script, places=places)
    overlay[drop_in("mouthpiece")] = HERE.format(command=LOOK, places=places) + LOOKS
    folder: Path = tmp_path_factory.mktemp("disk-life")
    found = GuestWithNvme(folder, systemd=True, overlay=overlay).run(SCRIPT, timeout_s=600)
    assert found.status == 0, found.explain()
    return found


def test_the_box_is_refused_and_knows_it_once_the_unit_has_asked(result: Result) -> None:
    (before,), (after,) = (json.loads(result.text(name)) for name in ("before", "after"))
    assert (before["name"], before["refused"], before["used_low"]) == ("nvme0", True, None)
    assert (after["name"], after["refused"], after["used_low"]) == ("nvme0", False, 0)


def test_only_root_writes_what_the_box_reads(result: Result) -> None:
    assert result.text("rights").splitlines() == ["root mouthpiece 750", "root mouthpiece 640"]
    assert result.text("result") == "success\n"


def test_it_is_asked_again_within_the_hour(result: Result) -> None:
    assert re.match(r"(1h|[0-5]?\dmin)", result.text("next"))


def test_little_is_open_to_whoever_breaks_in(result: Result) -> None:
    found = re.search(r"exposure level for mouthpiece-disk-life.service: ([0-9.]+)", result.text("exposure"))
    assert found
    assert float(found[1]) <= 1.5
