"""Pico's voices. `make train` alone unpacks the synthesiser itself, which is not in Debian's main."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import UnhealthyError
from tools.train.pico import VOICES, Pico


def test_missing_packages_are_said(tmp_path: Path) -> None:
    with pytest.raises(UnhealthyError, match="en-US_ta is not in"):
        Pico(VOICES["pico-us"], tmp_path)
