"""Which names the box answers to, against DNS rebinding.

A hostile site can let its own name point at the box, and a visitor's browser would then take that site's scripts for
the box's own. It cannot do so with an address or with a name that only the box has: those are answered, no others.
"""

from __future__ import annotations

import ipaddress
import socket

from appliance.console.box import Box


def own_names(box: Box) -> set[str]:
    """Lower-case host names under which this box is known."""
    host = socket.gethostname().lower()
    names = {"localhost", host, host.split(".")[0]}
    if given := str(box.configuration().get("name", "")).lower():
        names.add(given)
    return names | {f"{name}.local" for name in names if "." not in name}


def is_ours(host: str, box: Box) -> bool:
    """Whether a Host header (with or without a port) names this box."""
    name = host.lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    name = name.rstrip(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in own_names(box)
    return True


def is_loopback(address: str | None) -> bool:
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
