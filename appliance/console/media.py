"""Pictures and videos as answers: whole or the range that was asked for, and not again if the client has them.

A range is given to the web server as an open file, not copied by a thread, so that a paused player holds nothing but a
connection.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import quote

from flask import Response, request
from werkzeug.http import dump_options_header, generate_etag
from werkzeug.wsgi import wrap_file

from appliance.console.errors import RefusedError, not_found

_YEAR_S: Final = 31_536_000


def send(path: Path, mimetype: str, what: str, *, download: str = "", kept: bool = False) -> Response:
    """Send a file; 404 for `what` if it is not there. `kept`: the address changes with the content."""
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise not_found(what) from None
    found = os.fstat(file.fileno())
    etag = generate_etag(f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}".encode())
    response = Response(mimetype=mimetype, direct_passthrough=True)
    response.set_etag(etag)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = f"private, max-age={_YEAR_S}, immutable" if kept else "private, no-cache"
    if download:
        response.headers["Content-Disposition"] = dump_options_header("attachment", {"filename*": _encoded(download)})
    if request.if_none_match.contains_weak(etag):
        file.close()
        response.status_code = HTTPStatus.NOT_MODIFIED
        return response
    start, end = 0, found.st_size
    if request.range is not None and request.if_range.etag in (None, etag) and request.if_range.date is None:
        wanted = request.range.range_for_length(found.st_size)
        if wanted is None:
            file.close()
            raise RefusedError(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, f"the file ends at byte {found.st_size}", hint="ask less"
            )
        start, end = wanted
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.st_size}"
    response.content_length = end - start
    if request.method == "HEAD":
        file.close()
        return response
    file.seek(start)
    response.response = wrap_file(request.environ, file)
    return response


def _encoded(name: str) -> str:
    return f"UTF-8''{quote(name.replace('/', '_'), safe='')}"
