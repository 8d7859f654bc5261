"""`python -m appliance.console.recovery`: both faces, as boot/recovery/init starts them."""

from __future__ import annotations

import logging
import os
import sys
import threading

from appliance.console.recovery.box import RecoveryBox
from appliance.console.recovery.layout import Layout
from appliance.console.recovery.menu import Menu
from appliance.console.recovery.serve import Site
from appliance.errors import ApplianceError
from appliance.volumes import Volumes

log = logging.getLogger(__name__)


def main() -> int:
    logging.basicConfig(
        filename=os.environ.get("MOUTHPIECE_RECOVERY_LOG"), level=logging.INFO, format="%(levelname)s %(message)s"
    )
    logging.getLogger("waitress").setLevel(logging.WARNING)
    try:
        box = RecoveryBox(Layout.read(), Volumes.default())
        box.parts.attach()
    except ApplianceError as error:
        print(f"recovery: {error.message}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    site = None
    try:
        site = Site(box)
    except Exception:  # the serial console is left
        log.exception("the pages for a browser cannot be served")
    try:
        Menu(box, site).run()
    except EOFError:  # nobody can type: the browser is what is left
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
