"""In the guest: the installed command within this process, for starting another takes long."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any

from appliance import cli
from appliance.volumes import Volumes


def mouthpiece(box: Volumes, *arguments: str) -> dict[str, Any]:
    """Its exit code and what it said, as "code", "out" and "err"."""
    said, complained = io.StringIO(), io.StringIO()
    sys.argv = ["mouthpiece", "--data", str(box.root), *arguments]
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            cli.main()
    except SystemExit as leaving:
        return {"code": leaving.code, "out": said.getvalue(), "err": complained.getvalue()}
    raise AssertionError("main always leaves")
