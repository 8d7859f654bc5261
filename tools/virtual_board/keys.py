"""This user's certificate authority for the virtual board's bundles, and a key that it vouches for.

Made when it is first needed, kept in the cache, never committed, good for virtual boards only. A folder holds
`authority.pem`, which images carry as RAUC's keyring, `signer.pem` and `signer.key`, which sign bundles.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from tools.virtual_board import cache

AUTHORITY: Final = "authority.pem"
SIGNER: Final = ("signer.pem", "signer.key")
_CURVE: Final = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
_DAYS: Final = "36500"
# The box asks for code signing; rauc, when it makes a bundle, for S/MIME.
_PURPOSE: Final = "keyUsage=digitalSignature\nextendedKeyUsage=codeSigning,emailProtection\n"


def authority() -> Path:
    """The folder with this user's."""
    return cache.made(cache.place("authority", [_PURPOSE]), new)


def new(folder: Path) -> None:
    """Make another in `folder`."""
    certificate, key = SIGNER
    _openssl(
        folder,
        "req",
        "-x509",
        *_CURVE,
        "-keyout",
        "ca.key",
        "-subj",
        "/CN=virtual board",
        "-days",
        _DAYS,
        "-out",
        AUTHORITY,
    )
    _openssl(folder, "req", "-new", *_CURVE, "-keyout", key, "-subj", "/CN=signer", "-out", "request.pem")
    (folder / "purpose").write_text(_PURPOSE)
    signs = ["-CA", AUTHORITY, "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "purpose", "-days", _DAYS]
    _openssl(folder, "x509", "-req", "-in", "request.pem", *signs, "-out", certificate)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
