"""Who is logged in to recovery: sessions that end with this start of it, and with a new password.

The configuration's own secret may be lost with it, so cookies are signed with one that is in memory alone; sessions of
the box are none here.
"""

from __future__ import annotations

import secrets

from flask import Flask, current_app, session

from appliance.console.recovery.box import RecoveryBox
from appliance.console.security import sessions


def install(app: Flask) -> None:
    sessions.install(app, secrets.token_hex(32))


def is_in() -> bool:
    """Whether whoever makes the present request is logged in."""
    return sessions.is_current(session, _box().epoch)


def begin() -> None:
    """Log whoever makes the present request in."""
    sessions.begin(_box().epoch)


def _box() -> RecoveryBox:
    found: RecoveryBox = current_app.extensions["box"]
    return found
