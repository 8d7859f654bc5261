"""What a JSON body may not be: nested deeper than the parser goes, or text with half a character, which has no bytes.

Both would come up as a bug somewhere in a view. A body that is no JSON at all is the view's to refuse, by its schema;
one that takes a file is left alone, for it is not read as a whole.
"""

from __future__ import annotations

import json
from http import HTTPStatus

from flask import Flask, request

from appliance.console.errors import RefusedError


def install(app: Flask) -> None:
    @app.before_request
    def _check() -> None:
        view = app.view_functions.get(request.endpoint or "")
        if not request.is_json or getattr(view, "takes_file", False):
            return
        try:
            json.dumps(json.loads(request.get_data()), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST,
                "the request has half a character in it (a lone surrogate)",
                hint="send text that can be written as UTF-8",
            ) from None
        except RecursionError:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, "the request is nested too deeply", hint="send what the API describes"
            ) from None
        except ValueError:  # the view says what is wrong with it
            return
