"""The first boot: until the owner has chosen a password, nothing but setting up answers.

Whoever sets the box up owns it, so somebody on the network must show that they also stand before it: they give the
pairing code, which is made at start, kept in `run/pairing-code` (readable by the box alone), shown by `mouthpiece
pairing-code` on the box, and printed on its terminal when it starts. On the box itself (loopback) none is asked for.
The code is worth nothing once the box is set up, and guesses of it are throttled like those of the password.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from zoneinfo import available_timezones

from appliance.console.box import Box
from appliance.console.errors import RefusedError
from appliance.console.security import passwords
from appliance.console.security.hosts import is_loopback
from appliance.console.security.throttle import Throttle
from appliance.errors import InputError
from appliance.settings import TABLE
from appliance.storage import atomic
from appliance.volumes import Volumes

log = logging.getLogger(__name__)

_NAME_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
LANGUAGES: Final = TABLE["language"].choices


@dataclass(frozen=True, slots=True)
class Answers:
    """What the set-up page asks. `name` becomes NAME.local; `network` is a note for people, kept as it is."""

    password: str
    name: str = "mouthpiece"
    timezone: str = "UTC"
    language: str = "en"
    network: str = ""
    code: str = ""


def is_done(box: Box) -> bool:
    return bool(box.configuration().get("admin"))


def complete(box: Box, throttle: Throttle, address: str, answers: Answers) -> str:
    """Set the box up once; returns the password's epoch, with which a session begins."""
    if is_done(box):
        raise RefusedError(HTTPStatus.CONFLICT, "this box is set up already", hint="log in")
    if not is_loopback(address):
        _check_code(box.volumes, throttle, address, answers.code)
    check_name(answers.name)
    check_timezone(answers.timezone)
    if answers.language not in LANGUAGES:
        raise InputError(f"language is {answers.language!r}", hint=f"give one of {', '.join(LANGUAGES)}")
    if len(answers.network) > 1000:
        raise InputError("the network note is longer than 1000 characters", hint="keep it short")
    admin = credentials(answers.password)

    def set_up(config: dict[str, Any]) -> None:
        if config.get("admin"):  # two people at once: the first one owns it
            raise RefusedError(HTTPStatus.CONFLICT, "this box is set up already", hint="log in")
        config.update(
            admin=admin,
            name=answers.name,
            timezone=answers.timezone,
            network=answers.network,
        )
        if answers.language != TABLE["language"].default:
            config.setdefault("settings", {})["language"] = answers.language

    box.configure(set_up)
    code_file(box.volumes).unlink(missing_ok=True)
    log.info("the box was set up by %s", address)
    return admin["epoch"]


def credentials(password: str) -> dict[str, str]:
    """The configuration's `admin` for a new password: its hash, and an epoch that ends all sessions of the last."""
    return {"hash": passwords.hashed(password), "epoch": secrets.token_hex(8)}


def check_name(name: str) -> None:
    if not (0 < len(name) <= 32 and set(name) <= _NAME_LETTERS and name[0] != "-" != name[-1]):
        raise InputError(
            f"name is {name!r}, which is no host name", hint="use 1 to 32 lower-case letters, digits and inner hyphens"
        )


def check_timezone(timezone: str) -> None:
    # A box may lack the time zone database; then only the zone that needs none is known.
    if timezone != "UTC" and timezone not in available_timezones():
        raise InputError(f"timezone is {timezone!r}, which is not known here", hint="give one such as Europe/Berlin")


def code_file(volumes: Volumes) -> Path:
    return volumes.run / "pairing-code"


def make_code(box: Box) -> None:
    """Make the pairing code of this boot, unless there is one or the box is set up. The log does not learn it."""
    if is_done(box):
        return
    file = code_file(box.volumes)
    if not file.exists():
        atomic.write_bytes(file, f"{secrets.randbelow(10**8):08d}\n".encode())
        file.chmod(0o600)
    log.warning("not set up yet; from the network that takes the code that `mouthpiece pairing-code` shows")


def _check_code(volumes: Volumes, throttle: Throttle, address: str, given: str) -> None:
    throttle.admit(address)
    try:
        wanted = code_file(volumes).read_text().strip()
    except FileNotFoundError:
        wanted = secrets.token_hex(16)
    if not secrets.compare_digest(given.replace(" ", "").replace("-", "").encode(), wanted.encode()):
        raise RefusedError(
            HTTPStatus.FORBIDDEN,
            "the pairing code is missing or wrong",
            hint="read it from the box: on its serial console, or with `mouthpiece pairing-code`",
        )
    throttle.succeeded(address)
