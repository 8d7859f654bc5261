"""Findings as text for people and as JSON for scripts, and what they mean for the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from appliance.errors import UnhealthyError
from appliance.findings import Finding, Status

_MARKS = {Status.OK: "ok", Status.WARNING: "warning", Status.PROBLEM: "PROBLEM"}


def render(findings: Sequence[Finding]) -> str:
    """One line a finding, its details and its fix indented below, and a closing line that sums up."""
    if not findings:
        return "nothing was checked"
    name_width = max(len(finding.check) for finding in findings)
    mark_width = max(len(mark) for mark in _MARKS.values())
    indent = " " * (mark_width + name_width + 4)
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.status]:<{mark_width}}  {finding.check:<{name_width}}  {finding.message}")
        lines += [f"{indent}{detail}" for detail in finding.details]
        if finding.fix:
            lines.append(f"{indent}fix: {finding.fix}")
    counts = Counter(finding.status for finding in findings)
    lines.append(f"problems: {counts[Status.PROBLEM]}, warnings: {counts[Status.WARNING]}, ok: {counts[Status.OK]}")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """`{"healthy": bool, "findings": [{"check", "status", "message", "fix", "details"}, ...]}`"""
    return {"healthy": exit_code(findings) == 0, "findings": [asdict(finding) for finding in findings]}


def exit_code(findings: Sequence[Finding]) -> int:
    """0, or the code of an unhealthy box if there is any problem. Warnings do not count."""
    return UnhealthyError.exit_code if any(finding.status == Status.PROBLEM for finding in findings) else 0
