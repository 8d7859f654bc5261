from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from appliance.findings import Status
from appliance.supervisor.health.models import ModelFile, check


def fault(file: ModelFile) -> str:
    (found,) = check([file])
    assert bool(found.fix) == (found.status != Status.OK)
    return "" if found.status == Status.OK else found.message


def safetensors(path: Path, body: bytes, digest: str) -> Path:
    header = json.dumps({"__metadata__": {"sha256": digest}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + body)
    return path


def test_a_file_with_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"weights")
    assert fault(ModelFile(path, hashlib.sha256(b"weights").hexdigest())) == ""
    assert "checksum is wrong" in fault(ModelFile(path, hashlib.sha256(b"other").hexdigest()))


def test_a_file_that_changes_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    file = ModelFile(path, hashlib.sha256(b"weights").hexdigest())
    path.write_bytes(b"weights")
    assert fault(file) == ""
    path.write_bytes(b"weighty")
    os.utime(path, ns=(1, 1))
    assert "checksum is wrong" in fault(file)


def test_a_missing_and_an_empty_file(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in fault(ModelFile(tmp_path / "none"))
    (tmp_path / "empty").touch()
    assert "is empty" in fault(ModelFile(tmp_path / "empty"))


def test_a_file_that_knows_its_own_checksum(tmp_path: Path) -> None:
    right = hashlib.sha256(b"weights").hexdigest()
    assert fault(ModelFile(safetensors(tmp_path / "a.safetensors", b"weights", right))) == ""
    assert "checksum is wrong" in fault(ModelFile(safetensors(tmp_path / "b.safetensors", b"weighty", right)))


@pytest.mark.parametrize("content", [b"x", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}", b"\x02\0\0\0\0\0\0\0[]"])
def test_a_damaged_header(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    assert "is damaged" in fault(ModelFile(path))


def test_the_shipped_network_is_whole() -> None:
    from appliance.pipeline.face_models import MODELS

    assert [found.status for found in check([ModelFile(MODELS / "base.safetensors")])] == [Status.OK]
