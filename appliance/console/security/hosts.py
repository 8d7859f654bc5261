"""Which names the box answers to, against DNS rebinding, and where it is found.

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


def addresses(box: Box) -> list[str]:
    """Where another device of the network finds the console, its name first; empty where it is not served there."""
    import psutil  # recovery, which has no such package, imports this module

    settings = box.settings()
    if not settings.get("lan"):
        return []
    name = box.configuration().get("name") or socket.gethostname().split(".")[0]
    cards = [address.address for card in psutil.net_if_addrs().values() for address in card]
    found = [address for address in cards if _is_v4(address) and not is_loopback(address)]
    port = settings.get("https_port")
    return [f"https://{host}{'' if port == 443 else f':{port}'}/" for host in (f"{name}.local", *found)]


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


def _is_v4(address: str) -> bool:
    """Others are of hardware, or too long for anybody to type."""
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return True
