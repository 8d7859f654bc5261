"""What the OpenAPI description says beyond the views' schemas: how to log in, bodies that are files, and streams."""

from __future__ import annotations

from typing import Any, Final

_FILE: Final = {"type": "string", "format": "binary"}
_UPLOAD: Final = {
    "required": True,
    "content": {
        "application/octet-stream": {"schema": _FILE},
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {"file": _FILE}, "required": ["file"]},
        },
    },
}
_NAME: Final = {"name": "name", "in": "query", "schema": {"type": "string"}, "description": "what the file is called"}
_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
_LAST: Final = {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string", "pattern": "^[!-~]+$"}}
_CHANGES: Final = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}


def complete(spec: Any) -> Any:
    """Add to the description that APIFlask has made."""
    schemes = spec.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["token"] = {"type": "http", "scheme": "bearer", "description": "an API token; see POST /tokens"}
    schemes["session"] = {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "a session's cookie and, for changes, its token; see GET /session and POST /login",
    }
    spec["security"] = [{"token": []}, {"session": []}]
    paths = spec["paths"]
    upload = paths["/api/v1/uploads"]["post"]
    upload["requestBody"] = _UPLOAD
    upload.setdefault("parameters", []).append(_NAME)
    paths["/api/v1/jobs"]["post"].setdefault("parameters", []).append(_KEY)
    paths["/api/v1/settings"]["patch"]["requestBody"] = _CHANGES
    for stream in ("/api/v1/events", "/api/v1/logs/stream"):
        described = paths[stream]["get"]
        described.setdefault("parameters", []).append(_LAST)
        described["responses"]["200"] = {"description": "events", "content": {"text/event-stream": {}}}
    for path in paths:
        if kind := {"jpg": "image/jpeg", "mp4": "video/mp4"}.get(path.rpartition(".")[2]):
            paths[path]["get"]["responses"]["200"] = {"description": "the file", "content": {kind: {"schema": _FILE}}}
    return spec
