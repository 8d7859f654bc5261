"""Who is logged in to recovery: sessions that end with this start of it.

The configuration's own secret may be lost with it, so cookies are signed with one that is in memory alone; sessions of
the box are none here.
"""

from __future__ import annotations

import secrets
from typing import Final

from flask import Flask, current_app, session

from appliance.console.security import sessions

_EPOCH: Final = "recovery_epoch"


def install(app: Flask) -> None:
    sessions.install(app, secrets.token_hex(32))
    app.extensions[_EPOCH] = secrets.token_hex(8)


def is_in() -> bool:
    """Whether whoever makes the present request is logged in."""
    return sessions.is_current(session, current_app.extensions[_EPOCH])


def begin(*, anew: bool = False) -> None:
    """Log whoever makes the present request in; `anew` ends all other sessions."""
    if anew:
        current_app.extensions[_EPOCH] = secrets.token_hex(8)
    sessions.begin(current_app.extensions[_EPOCH])
