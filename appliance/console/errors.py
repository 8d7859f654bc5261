"""The one place where an error becomes an answer: a status, and a message with its hint.

Below `/api/` and for whoever asks for JSON that is `{"message": ..., "hint": ...}`; for people it is the page
`error.html`. Codes: 400 the request cannot be served, 404 there is no such thing, 409 not now, 413 too large,
422 not of the described form, 429 too often, 503 the box is unhealthy, not running or too busy, 507 no space.
What is not an `ApplianceError` is a bug: 500 with no detail, and a traceback in the log.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, jsonify, make_response, render_template, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from appliance.errors import ApplianceError, UnhealthyError

log = logging.getLogger(__name__)


class RefusedError(ApplianceError):
    """An answer with a status of its own. `retry_after_s` says when asking again makes sense."""

    def __init__(self, status: HTTPStatus, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.retry_after_s = retry_after_s


def not_found(what: str) -> RefusedError:
    return RefusedError(HTTPStatus.NOT_FOUND, f"there is no {what}")


def is_for_scripts() -> bool:
    """Whether the present request asks for what only scripts use."""
    return request.path.startswith("/api/") or request.path == "/metrics"


def wants_json() -> bool:
    """Scripts get JSON: everything below /api/, and whoever prefers it to a page."""
    if is_for_scripts():
        return True
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def answer(status: int, message: str, hint: str = "", detail: Any = None) -> Response:
    """The error as JSON or as a page."""
    if wants_json():
        content = {"message": message, "hint": hint}
        response = jsonify(content | ({"detail": detail} if detail else {}))
    else:
        try:
            response = make_response(render_template("error.html", status=status, message=message, hint=hint))
        except Exception:  # an error must be shown even where the page for it has one
            log.exception("the page for errors cannot be shown")
            text = f"<!doctype html><title>{status}</title><h1>{escape(message)}</h1><p>{escape(hint)}</p>"
            response = make_response(text)
    response.status_code = int(status)
    return response


def status_of(error: ApplianceError) -> HTTPStatus:
    match error:
        case RefusedError():
            return error.status
        case UnhealthyError():
            return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.BAD_REQUEST


def install(app: Flask) -> None:
    """Everything but what schemas do not admit: recovery has no schemas, and no APIFlask."""

    @app.errorhandler(ApplianceError)
    def _refused(error: ApplianceError) -> Response:
        response = answer(status_of(error), error.message, error.hint)
        wait = getattr(error, "retry_after_s", None)
        if wait is None and response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            wait = 5
        if wait is not None:
            response.headers["Retry-After"] = str(max(1, round(wait)))
        return response

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        response = answer(error.code or 500, error.description or error.name or "")
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After", "Content-Range", "WWW-Authenticate"):
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> Response:
        log.error("%s %s: a bug", request.method, request.path, exc_info=error)
        return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a bug in the console", "the log says more; try again")


def install_for_schemas(app: Flask) -> None:
    """APIFlask's own errors: what a schema does not admit."""
    from apiflask.exceptions import HTTPError

    @app.errorhandler(HTTPError)
    def _described(error: HTTPError) -> Response:
        return answer(error.status_code, str(error.message), _first_complaint(error.detail), error.detail)


def _first_complaint(detail: Any) -> str:
    """The first of marshmallow's complaints, such as `{"json": {"name": ["Missing data."]}}`, as a sentence."""
    path = []
    while isinstance(detail, dict) and detail:
        key, detail = next(iter(detail.items()))
        path.append(str(key))
    text = detail[0] if isinstance(detail, list) and detail else ""
    return f"{'.'.join(path[1:] or path)}: {text}" if text else ""
