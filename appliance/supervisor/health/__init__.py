"""Health checks: what is wrong with this box, and what to do about it.

One check a file. A check is a generator of findings about one thing; it changes nothing that outlives it. A file may
also offer a `Fixup`, which the supervisor runs when somebody asks. The checks here need only the system and the
volumes; other rooms bring theirs as `appliance.findings.Check`, and the command line puts them together:

    findings = examine([*checks(volumes), *pipeline_checks])
    print(render(findings))         # appliance.supervisor.health.report
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from appliance.errors import ApplianceError
from appliance.findings import Check, Finding, Status
from appliance.supervisor.health import clock, disk_space, python_version, stand_ins, volumes_writable, wear
from appliance.volumes import Volumes


def checks(volumes: Volumes, *, by_writing: bool = True) -> list[Check]:
    """The checks that stand on the system and the volumes alone; without `by_writing` they write nothing."""
    return [
        Check("python", python_version.check),
        Check("clock", lambda: clock.check(volumes)),
        Check("volumes", lambda: chain(volumes_writable.check(volumes, by_writing=by_writing), stand_ins.check())),
        Check("disk space", lambda: disk_space.check(volumes)),
        Check("wear", lambda: wear.check(volumes)),
    ]


def examine(every: Iterable[Check]) -> list[Finding]:
    """Run the checks in order. One that fails or even crashes becomes a finding; the rest still run."""
    findings: list[Finding] = []
    for check in every:
        try:
            findings += check.run()
        except ApplianceError as error:
            findings.append(Finding(check.name, Status.PROBLEM, error.message, error.hint))
        except Exception as error:  # a crash in one check must not hide what the others find
            message = f"the check itself crashed: {type(error).__name__}: {error}"
            findings.append(Finding(check.name, Status.PROBLEM, message, "this is a bug; please report it"))
    return findings
