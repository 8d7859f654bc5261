"""How worn is the storage, and how long will it last? What there is to say is in `appliance.storage.wear_advice`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.findings import Finding
from appliance.storage import wear_advice, wear_report
from appliance.volumes import Volumes


def check(volumes: Volumes, root: Path = Path("/")) -> Iterator[Finding]:
    yield from wear_advice.findings(wear_report.now(volumes, root))
