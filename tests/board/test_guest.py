"""The virtual machine that the board tests stand on is what it claims to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.guest import CHECKOUT, Guest, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


def test_a_script_runs_as_root_on_a_real_kernel_with_the_hosts_files_and_disks_of_its_own(tmp_path: Path) -> None:
    guest = Guest(tmp_path, disks=[32 << 20], overlay={"/etc/greeting": "laid over\n"})
    script = f"""set -eu
cat /etc/greeting
modprobe ext4
mkfs.ext4 -q /dev/vda && mkdir -p /mnt/disk && mount /dev/vda /mnt/disk && df --output=fstype /mnt/disk | tail -1
{CHECKOUT}/.venv/bin/mouthpiece --version
touch {CHECKOUT}/left-behind
exit 7
"""
    result = guest.run(script, timeout_s=180)
    assert result.status == 7, result.explain()
    assert result.text("stdout").split()[:3] == ["laid", "over", "ext4"]
    assert "mouthpiece" in result.text("stdout")
    assert not (CHECKOUT / "left-behind").exists()


def test_a_guest_that_does_not_end_is_stopped_and_has_no_status(tmp_path: Path) -> None:
    result = Guest(tmp_path).run("while :; do sleep 1; done", timeout_s=15)
    assert result.status is None
