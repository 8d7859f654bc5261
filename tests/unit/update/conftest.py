"""scrypt is made cheap: what it costs is measured elsewhere, and these open hundreds of files."""

from __future__ import annotations

import pytest

from appliance.update import sealed


@pytest.fixture(autouse=True)
def _cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_SCRYPT", {"n": 2, "r": 8, "p": 1})
