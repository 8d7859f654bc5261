"""A file from a web server, by http or https, streamed to the disk. What it is worth, its signature tells."""

from __future__ import annotations

import contextlib
import http.client
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from appliance.errors import InputError
from appliance.storage import atomic
from appliance.update import space
from appliance.update.step import Step, quiet

_SILENCE_S: Final = 30.0
_PIECE: Final = 1 << 18


def is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def check_url(url: str) -> None:
    if not is_url(url):
        raise InputError(f"{url[:100]!r} is no address of a file", hint="give one that begins with http:// or https://")


@contextlib.contextmanager
def fetched(url: str, folder: Path, step: Step = quiet) -> Iterator[Path]:
    """The file at `url`, in `folder` while the block runs. `InputError` if it cannot be had or there is no room."""
    check_url(url)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=atomic.PREFIX, dir=folder) as place:
        try:
            target = Path(place) / (Path(urlsplit(url).path).name or "bundle")
            _load(url, target, step)
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise InputError(f"{url[:200]} cannot be fetched: {reason}", hint="check the address") from error
        yield target


def _load(url: str, target: Path, step: Step) -> None:
    with _opener().open(url, timeout=_SILENCE_S) as answer, target.open("xb") as file:
        total = int(answer.headers.get("Content-Length") or 0)
        space.check(target.parent, total)
        done = 0
        while piece := answer.read(_PIECE):
            space.check(target.parent, len(piece))
            file.write(piece)
            done += len(piece)
            step("fetching", done, max(total, done))
        if done < total:
            raise InputError(f"{url[:200]} ended early", hint="try again")


def _opener() -> urllib.request.OpenerDirector:
    """Knows http and https alone, also after a redirect."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
