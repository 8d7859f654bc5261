"""The box goes on with a restore that was cut short, before it starts anything."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from appliance.commands.run import _finish_restore
from appliance.update import restore, sealed
from appliance.volumes import Volumes
from tests.unit.update.boxes import PASSPHRASE, full_box, kept, made


def test_a_restore_that_was_cut_short_is_finished_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed, "_SCRYPT", {"n": 2, "r": 8, "p": 1})
    old, new = full_box(tmp_path / "old"), Volumes(tmp_path / "new")
    child = os.fork()
    if child == 0:
        # What has been verified is about to be carried out: the power goes.
        restore.restore(new, io.BytesIO(made(old)), PASSPHRASE, lambda _: os._exit(9))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not new.avatars.exists()
    _finish_restore(new)
    assert kept(new) == kept(old)


def test_one_that_cannot_be_finished_does_not_keep_the_box_from_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Volumes(tmp_path)
    (box.data / restore.FOLDER).mkdir(parents=True)
    _finish_restore(box)
    assert "warning: the backup cannot be restored" in capsys.readouterr().err
