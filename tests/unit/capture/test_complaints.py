"""What a C library writes to the standard error of the process goes to the log."""

from __future__ import annotations

import logging
import os

import pytest

from appliance.capture import complaints


def test_complaints_go_to_the_log_and_later_ones_to_the_terminal(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with complaints.logged(logging.getLogger("library")):
        os.write(2, b"no such voice\n")
    os.write(2, b"and nothing else\n")
    assert caplog.record_tuples == [("library", logging.DEBUG, "no such voice")]
    assert capfd.readouterr().err == "and nothing else\n"


def test_an_error_on_the_way_gives_the_terminal_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="on the way"), complaints.logged(logging.getLogger("library")):
        raise ValueError("on the way")
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
