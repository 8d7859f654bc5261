"""Who is logged in: a signed cookie that names the password's epoch.

Nothing is kept at the server. The cookie is signed with the box's secret, is `HttpOnly` and `SameSite=Strict`, and
over TLS `Secure` under a `__Host-` name of its own (browsers share cookies between ports, so the two must not meet). It
holds for `LIFETIME` after its last use. A new password begins a new epoch, which ends every session. The session of the
kiosk's browser, where nobody is logged in, holds the token of its page and no more.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import timedelta
from typing import Any, Final

from flask import Flask, request, session
from flask.sessions import SecureCookieSessionInterface

LIFETIME: Final = timedelta(hours=12)
_RENEWED_S: Final = 600
"""A session in use gets a fresh cookie this often, not with every answer."""


class CookieSessions(SecureCookieSessionInterface):
    digest_method = staticmethod(hashlib.sha256)

    def get_cookie_name(self, app: Flask) -> str:  # noqa: ARG002
        return "__Host-mouthpiece" if request.is_secure else "mouthpiece"

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        return request.is_secure


def install(app: Flask, secret: str) -> None:
    app.secret_key = secret
    app.session_interface = CookieSessions()
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LIFETIME,
    )


def begin(epoch: str) -> None:
    """Log the person in who makes this request, under a fresh session."""
    session.clear()
    session.permanent = True
    session["epoch"] = epoch
    session["used"] = int(time.time())


def end() -> None:
    session.clear()


def is_current(content: Any, epoch: str | None) -> bool:
    """Whether a session's content is that of somebody logged in."""
    return epoch is not None and secrets.compare_digest(str(content.get("epoch", "")), epoch)


def renew() -> None:
    """Let a session in use live on."""
    now = int(time.time())
    if now - session.get("used", 0) > _RENEWED_S:
        session["used"] = now
