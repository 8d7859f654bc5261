"""A pack is written whole or not at all, and what was not written as it is read is told."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance.errors import InputError
from appliance.pipeline import mouth_points, pack
from appliance.pipeline.landmarks import POINT_COUNT
from appliance.pipeline.pack import AvatarPack, Manifest

PICTURE = np.random.default_rng(0).integers(0, 255, (120, 400, 3), dtype=np.uint8)
POINTS = np.random.default_rng(1).uniform(10, 100, (1, POINT_COUNT, 2)).astype(np.float32)
RIG = {"basis": np.arange(12, dtype=np.float16).reshape(3, 4), "step": np.int64(8) * np.ones((), np.int64)}


def write(target: Path, *, name: str = "anna", replacing: bool = False) -> AvatarPack:
    with pack.new_pack(target, replacing=replacing) as folder:
        pack.seal(folder, Manifest(name, "portrait", 400, 120), PICTURE, POINTS, RIG)
    return AvatarPack.load(target)


def test_holds_what_was_put_in(tmp_path: Path) -> None:
    stored = write(tmp_path / "anna")
    assert stored.manifest.name == "anna"
    assert stored.manifest.kind == "portrait"
    assert (stored.manifest.width, stored.manifest.height, stored.manifest.frames) == (400, 120, 1)
    low, high = POINTS[0].min(axis=0), POINTS[0].max(axis=0)
    assert stored.manifest.face_box == pytest.approx((low[0], low[1], high[0], high[1]))
    assert np.array_equal(stored.picture(), PICTURE), "lossless"
    assert np.array_equal(stored.points(), POINTS)
    assert stored.points().dtype == np.float32
    rig = stored.rig()
    assert set(rig) == set(RIG)
    assert all(np.array_equal(rig[name], RIG[name]) and rig[name].dtype == RIG[name].dtype for name in RIG)
    thumbnail = cv2.imread(str(stored.path / pack.THUMBNAIL))
    assert thumbnail is not None
    assert thumbnail.shape == (77, 256, 3)
    preview = cv2.imread(str(stored.path / pack.PREVIEW))
    assert preview is not None
    assert preview.shape == (120, 400, 3), "never enlarged"
    mouth = json.loads((stored.path / pack.MOUTH).read_bytes())
    assert (mouth["width"], mouth["height"], mouth["moved"]) == (400, 120, {})
    assert mouth["points"] == mouth["detected"] == mouth_points.named(POINTS[0])
    assert list(tmp_path.iterdir()) == [stored.path], "nothing left beside"


@pytest.mark.parametrize("name", [pack.POINTS, pack.PICTURE, pack.RIG, pack.THUMBNAIL, pack.MOUTH, pack.PREVIEW])
def test_tells_a_damaged_file(tmp_path: Path, name: str) -> None:
    stored = write(tmp_path / "anna")
    content = bytearray((stored.path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (stored.path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"anna is damaged: {name}") as error:
        AvatarPack.load(stored.path)
    assert "enrol it again" in error.value.hint
    AvatarPack.load(stored.path, verify=False)
    (stored.path / name).write_bytes(content[:-1])
    with pytest.raises(InputError, match=f"{name} has another size"):
        AvatarPack.load(stored.path, verify=False)
    (stored.path / name).unlink()
    with pytest.raises(InputError, match=name):
        AvatarPack.load(stored.path, verify=False)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"version": 1}', b"\xff\xfe", b'{"version": 1, "fps": NaN}'])
def test_tells_a_damaged_manifest(tmp_path: Path, content: bytes) -> None:
    stored = write(tmp_path / "anna")
    (stored.path / pack.MANIFEST).write_bytes(content)
    with pytest.raises(InputError) as error:
        AvatarPack.load(stored.path, verify=False)
    assert str(stored.path) in error.value.message


def test_tells_a_flipped_number_in_the_manifest(tmp_path: Path) -> None:
    stored = write(tmp_path / "anna")
    text = (stored.path / pack.MANIFEST).read_text()
    (stored.path / pack.MANIFEST).write_text(text.replace('"width": 400', '"width": 480'))
    with pytest.raises(InputError, match=r"manifest\.json has another checksum"):
        AvatarPack.load(stored.path, verify=False)


def test_refuses_another_version_with_the_fix(tmp_path: Path) -> None:
    stored = write(tmp_path / "anna")
    content = json.loads((stored.path / pack.MANIFEST).read_text())
    content["version"] = pack.FORMAT_VERSION + 1
    (stored.path / pack.MANIFEST).write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"version {pack.FORMAT_VERSION + 1}") as error:
        AvatarPack.load(stored.path)
    assert "enrol it again" in error.value.hint


def test_refuses_a_missing_pack(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nobody is damaged"):
        AvatarPack.load(tmp_path / "nobody")


def test_replaces_only_when_told(tmp_path: Path) -> None:
    write(tmp_path / "anna", name="old")
    with pytest.raises(OSError, match=r"File exists|not empty") as error:
        write(tmp_path / "anna", name="new")
    assert error.value.errno in (errno.EEXIST, errno.ENOTEMPTY)
    assert AvatarPack.load(tmp_path / "anna").manifest.name == "old"
    assert write(tmp_path / "anna", name="new", replacing=True).manifest.name == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["anna"]


def fail_half_way(target: Path, *, replacing: bool) -> None:
    with pack.new_pack(target, replacing=replacing) as folder:
        (folder / pack.RIG).write_bytes(b"half")
        np.array([[1], [2, 3]])


@pytest.mark.parametrize("replacing", [False, True])
def test_a_failure_leaves_what_was_there(tmp_path: Path, replacing: bool) -> None:
    if replacing:
        write(tmp_path / "anna", name="old")
    with pytest.raises(ValueError, match="inhomogeneous"):
        fail_half_way(tmp_path / "anna", replacing=replacing)
    assert [path.name for path in tmp_path.iterdir()] == (["anna"] if replacing else [])
    assert not replacing or AvatarPack.load(tmp_path / "anna").manifest.name == "old"


def test_killed_at_any_call_leaves_the_old_pack_or_the_new(tmp_path: Path) -> None:
    """A child replaces a pack and dies at its nth system call that changes names; each n in turn."""
    script = textwrap.dedent("""
        import os, sys, numpy as np
        from pathlib import Path
        from appliance.pipeline import pack
        from appliance.pipeline.landmarks import POINT_COUNT
        left = int(sys.argv[2])
        def dying(call):
            def step(*args, **kwargs):
                global left
                if left == 0:
                    os._exit(9)
                left -= 1
                return call(*args, **kwargs)
            return step
        os.fsync, pack._exchange = dying(os.fsync), dying(pack._exchange)
        os.rename, os.unlink, os.rmdir = dying(os.rename), dying(os.unlink), dying(os.rmdir)
        with pack.new_pack(Path(sys.argv[1]), replacing=True) as folder:
            manifest = pack.Manifest("new", "portrait", 40, 20)
            picture = np.zeros((20, 40, 3), np.uint8)
            pack.seal(folder, manifest, picture, np.zeros((1, POINT_COUNT, 2), np.float32), {"step": np.ones(1)})
        """)
    seen = []
    for n in range(40):
        target = tmp_path / str(n) / "anna"
        target.parent.mkdir()
        write(target, name="old")
        done = subprocess.run([sys.executable, "-c", script, str(target), str(n)], check=False, env=os.environ)
        seen.append(AvatarPack.load(target).manifest.name)
        assert all(path.name == "anna" or path.name.startswith(".tmp-") for path in target.parent.iterdir())
        if done.returncode == 0:
            break
        assert done.returncode == 9
    assert done.returncode == 0
    assert sorted(seen, reverse=True) == seen, "old until the exchange, new from then on"
    assert {"old", "new"} == set(seen)


def test_removes_a_pack(tmp_path: Path) -> None:
    stored = write(tmp_path / "anna")
    pack.remove_pack(stored.path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["anna", "a", "0-9_z", "a" * 64])
def test_takes_plain_names(name: str) -> None:
    pack.check_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc", "Anna", "-a", "_a", ".tmp-x", "a" * 65, "a b", "a\n", "ä", "a\0"]
)
def test_refuses_names_that_could_mislead(name: str) -> None:
    with pytest.raises(InputError, match="is no name for an avatar"):
        pack.check_name(name)
