"""The keys of the virtual board's bundles."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools.virtual_board import keys


def test_the_authority_vouches_for_the_signer_to_sign_code_and_for_no_other(tmp_path: Path) -> None:
    ours, others = tmp_path / "ours", tmp_path / "others"
    for folder in (ours, others):
        folder.mkdir()
        keys.new(folder)

    def vouches(authority: Path, signer: Path) -> bool:
        command = ["openssl", "verify", "-CAfile", str(authority / keys.AUTHORITY)]
        return subprocess.run([*command, str(signer / keys.SIGNER[0])], capture_output=True).returncode == 0

    asked = ["openssl", "x509", "-noout", "-ext", "extendedKeyUsage", "-in", str(ours / keys.SIGNER[0])]
    assert "Code Signing" in subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    assert vouches(ours, ours)
    assert not vouches(ours, others)
