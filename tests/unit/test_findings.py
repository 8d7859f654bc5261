from __future__ import annotations

import json
from dataclasses import asdict

from appliance.findings import Finding, Status


def test_a_finding_turns_to_json_with_plain_words() -> None:
    finding = Finding("clock", Status.WARNING, "it went back", "set it", ("detail",))
    assert json.loads(json.dumps(asdict(finding))) == {
        "check": "clock",
        "status": "warning",
        "message": "it went back",
        "fix": "set it",
        "details": ["detail"],
    }
