"""The certificate that the box makes for itself: EC P-256, self-signed, kept with its key in the configuration.

It names the box (`NAME.local`, host name, localhost) and the addresses that it had when it was made, and is made again
only when the box gets another name, so that whoever has compared its fingerprint need not do so again. It is valid for
20 years from a fixed day in the past, because a box without a battery does not know the time when it makes it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import ipaddress
import os
import socket
import ssl
from typing import Any, Final

from appliance.console.box import Box
from appliance.console.security.hosts import own_names

_FROM: Final = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
_UNTIL: Final = _FROM.replace(year=_FROM.year + 20)


def ensure(box: Box) -> dict[str, str]:
    """The configuration's `tls` (PEM texts "key" and "cert"), made if there is none or the name has changed."""
    names = sorted(own_names(box))
    kept: dict[str, Any] = box.configuration().get("tls") or {}
    if not kept or kept.get("names") != names:
        made = {**_make(names), "names": names}
        kept = box.configure(lambda config: config.update(tls=made))["tls"]
    return {"key": kept["key"], "cert": kept["cert"]}


def fingerprint(box: Box) -> str:
    """SHA-256 of the certificate as browsers show it, or an empty string while there is none."""
    kept = box.configuration().get("tls")
    if not kept:
        return ""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(kept["cert"])).digest().hex(":").upper()


def context(tls: dict[str, str]) -> ssl.SSLContext:
    """A server's TLS context, version 1.2 or newer."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    # The library reads only files; this one is in memory and has no name.
    handle = os.memfd_create("tls", os.MFD_CLOEXEC)
    try:
        os.write(handle, (tls["key"] + tls["cert"]).encode())
        made.load_cert_chain(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
    return made


def addresses() -> set[str]:
    """The addresses of this machine, as far as its resolver and its routes know them."""
    found = {"127.0.0.1", "::1"}
    with contextlib.suppress(OSError):
        found |= {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(socket.gethostname(), None)}
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # Connecting a datagram socket sends nothing; it only asks which address would be used.
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            found.add(probe.getsockname()[0])
    return found


def _make(names: list[str]) -> dict[str, str]:
    # Imported here, for it takes 8 MB that no later start needs.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, next(n for n in names if n.endswith(".local")))])
    alternatives = [x509.DNSName(name) for name in names]
    ips = [x509.IPAddress(ipaddress.ip_address(address)) for address in sorted(addresses())]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.SubjectAlternativeName([*alternatives, *ips]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"key": private.decode(), "cert": certificate.public_bytes(pem).decode()}
