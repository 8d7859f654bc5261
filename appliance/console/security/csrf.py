"""No other site can act through somebody's browser: a token of the session in every form and every script's request.

A form sends it as the field `csrf_token`, a script as the header `X-CSRF-Token`. Requests with an API token need none,
for no browser sends that by itself.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Final

from flask import request, session

from appliance.console.errors import RefusedError

HEADER: Final = "X-CSRF-Token"
FIELD: Final = "csrf_token"


def csrf_token() -> str:
    """The token of this session, for a form or a page's scripts."""
    if "csrf" not in session:
        session.permanent = True
        session["csrf"] = secrets.token_urlsafe(24)
    token: str = session["csrf"]
    return token


def has_token() -> bool:
    """Whether this session has its token, and so is worth keeping."""
    return "csrf" in session


def check() -> None:
    """Refuse a changing request that does not carry its session's token."""
    given = request.headers.get(HEADER) or (request.form.get(FIELD, "") if request.content_type else "")
    if not has_token() or not secrets.compare_digest(given.encode(), session["csrf"].encode()):
        raise RefusedError(
            HTTPStatus.FORBIDDEN,
            "this request does not come from a page of this box, or the page is too old",
            hint=f"load the page again; a script sends the token of GET /api/v1/session as {HEADER}",
        )
