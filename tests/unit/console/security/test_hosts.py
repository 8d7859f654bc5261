from __future__ import annotations

import ipaddress
import re
import socket

import pytest

from appliance.console.box import Box
from appliance.console.security.hosts import addresses, is_loopback, is_ours


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "192.168.1.20:8443", "[::1]:8080", "[fe80::1]", "localhost."]
)
def test_addresses_and_own_names_are_answered(box: Box, host: str) -> None:
    assert is_ours(host, box)


@pytest.mark.parametrize("host", ["", "example.com", "kiosk.local", "localhost.example.com", "127.0.0.1.nip.io", ":80"])
def test_other_names_are_not(box: Box, host: str) -> None:
    assert not is_ours(host, box)


def test_the_given_name_and_the_machines_own_are_known(box: Box) -> None:
    assert not is_ours("kiosk-7.local", box)
    box.configure(lambda config: config.update(name="kiosk-7"))
    assert is_ours("kiosk-7.local", box)
    assert is_ours("Kiosk-7:8443", box)
    assert is_ours(socket.gethostname(), box)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("::ffff:127.0.0.1", True),
        ("192.168.1.2", False), ("128.0.0.1", False), ("::ffff:10.0.0.1", False), ("", False), (None, False),
    ],
)  # fmt: skip
def test_loopback_is_known(address: str | None, local: bool) -> None:
    assert is_loopback(address) is local


def test_where_the_network_is_not_served_there_is_no_address(box: Box) -> None:
    assert addresses(box) == []


def test_another_device_finds_it_by_name_and_by_every_address_of_the_network(box: Box) -> None:
    box.configure(lambda config: config.update(name="kiosk-7", settings={"lan": True, "https_port": 443}))
    name, *numbers = addresses(box)
    assert name == "https://kiosk-7.local/"
    assert all(not ipaddress.IPv4Address(re.sub(r"https://(.*)/", r"\1", found)).is_loopback for found in numbers)
    box.configure(lambda config: config.update(settings={"lan": True, "https_port": 8443}))
    assert addresses(box) == [f"{found[:-1]}:8443/" for found in (name, *numbers)]
