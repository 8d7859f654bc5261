"""A new password, in the form and the place in which the box reads it.

The one thing that recovery writes to the configuration. Whoever calls this has proof that the person stands before the
box. A new epoch ends every session that the old password began.
"""

from __future__ import annotations

from appliance.console.recovery.flash import Configuration
from appliance.console.recovery.volume import Look
from appliance.console.security import first_boot
from appliance.errors import UnhealthyError


def reset_password(configuration: Configuration, password: str) -> None:
    """`InputError` for a bad password, `UnhealthyError` where the configuration cannot be written."""
    admin = first_boot.credentials(password)
    look: Look = configuration.look()
    if look.state == "off":
        raise UnhealthyError(look.message, hint="without it the box keeps no password; have the board looked at")
    configuration.store.update(lambda config: config.update(admin=admin))
