"""The web face for the network, with the console's own web server and TLS front, on port 443 and the box's usual one.

The certificate is the box's own, which browsers know; where the configuration with it is lost, one for this start.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import re
import ssl
import tempfile
import threading
from collections.abc import Callable
from typing import Any, Final

from appliance.console import serve
from appliance.console.recovery import web
from appliance.console.recovery.box import RecoveryBox
from appliance.console.recovery.work import run
from appliance.console.security import certificate
from appliance.console.tls_front import Front
from appliance.errors import ApplianceError
from appliance.settings import Settings

log = logging.getLogger(__name__)
PORT: Final = 443
_ADDRESS: Final = re.compile(r"inet6? (?!127\.|::1|fe80)([0-9a-f.:]+)/")


class Site:
    """What is served, from its making on."""

    def __init__(self, box: RecoveryBox) -> None:
        app = web.create_app(box)
        tls = _certificate(box)
        self.fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(tls["cert"])).digest().hex(":").upper()
        # Bodies are in memory, which is all that may be taken for granted.
        tempfile.tempdir = str(box.volumes.run)
        inner = serve.bind("127.0.0.1", 0)
        self.ports: list[int] = []
        outer = []
        for port in dict.fromkeys((PORT, _usual_port(box))):
            with contextlib.suppress(ApplianceError):
                outer.append(serve.bind("", port))
                self.ports.append(port)
        front = Front(outer, certificate.context(tls), inner.getsockname())
        limit = functools.partial(web.body_limit, app)
        for part in (serve.Listener(app, inner, limit, clients=front.clients), front):
            part.start()
        threading.Thread(target=box.presence.watch_buttons, name="buttons", daemon=True).start()

    def addresses(self) -> list[str]:
        """Where a browser finds it."""
        port = "" if PORT in self.ports else f":{self.ports[0]}" if self.ports else ""
        found: list[str] = []
        with contextlib.suppress(ApplianceError):
            found = _ADDRESS.findall(run("ip", "-o", "address"))
        return [f"https://{f'[{address}]' if ':' in address else address}{port}/" for address in found]


def _usual_port(box: RecoveryBox) -> int:
    with contextlib.suppress(ApplianceError):
        return int(Settings.of(box.configuration().get("settings", {})).get("https_port"))
    return 8443


class _Kept:
    """The configuration as `certificate` wants it: what it would add is in memory only."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = dict(values)

    def configuration(self) -> dict[str, Any]:
        return self._values

    def configure(self, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        change(self._values)
        return self._values


def _certificate(box: RecoveryBox) -> dict[str, str]:
    kept = box.configuration().get("tls") or {}
    if kept.get("key") and kept.get("cert"):
        return {"key": kept["key"], "cert": kept["cert"]}
    log.warning("the box's certificate cannot be read; one is made for this start")
    return certificate.ensure(_Kept({}))  # type: ignore[arg-type]  # it has what is asked for
