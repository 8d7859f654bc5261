"""How large a request's body may be, decided from its head, before a byte of the body is kept.

Only a view that takes files may get more than `MAX_BODY`, only from somebody whom it serves, and only what the settings
and the free space allow. It is asked by the web server's loop, so it does nothing slow.
"""

from __future__ import annotations

from typing import Final

from flask import Flask
from werkzeug.exceptions import HTTPException

from appliance.console.app import MAX_BODY
from appliance.console.box import Box, free_bytes, the_box
from appliance.console.security.access import may_ask

_FRAME: Final = 64 * 1024
"""What a form puts around a file."""


def body_limit(app: Flask, method: str, path: str, headers: dict[str, str], scheme: str, address: str) -> int:
    """Bytes that the body may have. `headers` are named as waitress does, such as `CONTENT_TYPE`."""
    if method not in ("POST", "PUT"):
        return MAX_BODY
    try:
        endpoint, _ = app.url_map.bind("").match(path, method)
    except HTTPException:
        return MAX_BODY
    if not getattr(app.view_functions[endpoint], "takes_file", False):
        return MAX_BODY
    environ = {f"HTTP_{name}": value for name, value in headers.items()}
    environ |= {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.url_scheme": scheme, "REMOTE_ADDR": address}
    environ |= {"SERVER_NAME": "", "SERVER_PORT": ""}
    with app.request_context(environ):
        if not may_ask(endpoint):
            return MAX_BODY
        return upload_limit(the_box()) + _FRAME


def upload_limit(box: Box) -> int:
    """Bytes that an upload may have now.

    A form's file is on the disk three times while it is taken in: in the body, taken out of it, and as what is kept.
    """
    settings = box.settings()
    spare = free_bytes(box.volumes.uploads) - int(settings.keep_free_gb * 1e9)
    return max(0, min(settings.upload_max_mb * 10**6, spare // 3))
