from __future__ import annotations

import socket
import ssl
import threading

from cryptography import x509

from appliance.console.box import Box
from appliance.console.security import certificate


def names_of(pem: str) -> list[str]:
    found = x509.load_pem_x509_certificate(pem.encode()).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return found.value.get_values_for_type(x509.DNSName)


def test_it_is_made_once_and_again_for_a_new_name(box: Box) -> None:
    first = certificate.ensure(box)
    assert certificate.ensure(box) == first
    assert "localhost" in names_of(first["cert"])
    box.configure(lambda config: config.update(name="kiosk-7"))
    second = certificate.ensure(box)
    assert second["key"] != first["key"]
    assert "kiosk-7.local" in names_of(second["cert"])


def test_a_client_that_trusts_it_reaches_the_box_by_its_name(box: Box) -> None:
    box.configure(lambda config: config.update(name="kiosk-7"))
    made = certificate.ensure(box)
    trusting = ssl.create_default_context(cadata=made["cert"])
    trusting.verify_flags &= ~ssl.VERIFY_X509_STRICT  # it is a leaf that signs itself
    ours, theirs = socket.socketpair()
    server = threading.Thread(target=lambda: certificate.context(made).wrap_socket(ours, server_side=True).close())
    server.start()
    with trusting.wrap_socket(theirs, server_hostname="kiosk-7.local") as connection:
        shown = connection.getpeercert(binary_form=True)
        assert connection.version() in ("TLSv1.2", "TLSv1.3")
    server.join()
    assert shown == ssl.PEM_cert_to_DER_cert(made["cert"])


def test_nothing_older_than_tls_1_2_is_spoken(box: Box) -> None:
    assert certificate.context(certificate.ensure(box)).minimum_version == ssl.TLSVersion.TLSv1_2


def test_the_fingerprint_is_the_one_that_browsers_show(box: Box) -> None:
    assert certificate.fingerprint(box) == ""
    made = certificate.ensure(box)
    shown = certificate.fingerprint(box)
    assert len(shown) == 32 * 3 - 1
    from cryptography.hazmat.primitives.hashes import SHA256

    expected = x509.load_pem_x509_certificate(made["cert"].encode()).fingerprint(SHA256())
    assert bytes.fromhex(shown.replace(":", "")) == expected
