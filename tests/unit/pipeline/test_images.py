"""Pictures of every kind become upright 8-bit BGR, and bad ones a clear refusal."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from appliance.errors import InputError
from appliance.pipeline.images import BACKDROP, fitted, is_picture, load_picture

Picture = NDArray[np.uint8]


@pytest.fixture
def scene() -> Picture:
    """Smooth, coloured, and different in every corner; RGB [48, 64, 3]."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([40 + 3 * x, 30 + 4 * y, 230 - 2 * x - y], axis=2).astype(np.uint8)


def difference(bgr: Picture, rgb: Picture) -> float:
    return float(np.abs(bgr[:, :, ::-1].astype(int) - rgb).mean())


@pytest.mark.parametrize(("kind", "tolerance"), [("PNG", 0.0), ("JPEG", 3.0), ("WEBP", 3.0)])
def test_reads_by_content_whatever_the_name(tmp_path: Path, scene: Picture, kind: str, tolerance: float) -> None:
    path = tmp_path / "picture.mp4"
    Image.fromarray(scene).save(path, format=kind, quality=95)
    assert is_picture(path)
    assert difference(load_picture(path), scene) <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_upright_as_exif_says(tmp_path: Path, scene: Picture, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    Image.fromarray(scene).save(path, exif=exif)
    with Image.open(path) as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored))
    assert load_picture(path).shape == expected.shape
    assert difference(load_picture(path), expected) == 0
    assert (expected.shape == scene.shape) == (orientation < 5)


def test_broken_exif_does_not_matter(tmp_path: Path, scene: Picture) -> None:
    path = tmp_path / "picture.jpg"
    Image.fromarray(scene).save(path, quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\x7fgarbage")
    assert difference(load_picture(path), scene) < 3


def test_lays_transparent_parts_over_light_grey(tmp_path: Path, scene: Picture) -> None:
    alpha = np.full(scene.shape[:2], 255, np.uint8)
    alpha[:10], alpha[10:20] = 0, 128
    path = tmp_path / "cut-out.png"
    Image.fromarray(np.dstack([scene, alpha])).save(path)
    picture = load_picture(path)
    assert (picture[:10] == BACKDROP).all()
    assert difference(picture[10:20], (scene[10:20] / 2 + np.array(BACKDROP) / 2).astype(np.uint8)) < 2
    assert difference(picture[20:], scene[20:]) == 0


def test_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    image = Image.new("P", (8, 4), 1)
    image.putpalette([0, 0, 0, 200, 10, 20])
    image.paste(0, (0, 0, 4, 4))
    path = tmp_path / "palette.png"
    image.save(path, transparency=0)
    picture = load_picture(path)
    assert (picture[:, :4] == BACKDROP).all()
    assert (picture[:, 4:] == (20, 10, 200)).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_keep_their_brightness(tmp_path: Path, channels: int) -> None:
    deep = np.linspace(0, 65535, 64).astype(np.uint16)
    deep = np.repeat(np.tile(deep, (8, 1))[:, :, None], channels, axis=2)
    path = tmp_path / "deep.png"
    assert cv2.imwrite(str(path), deep)
    expected = np.repeat(deep / 257.0, 3 // channels, axis=2)
    assert np.abs(load_picture(path) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_grey_becomes_colour(tmp_path: Path, scene: Picture, mode: str) -> None:
    path = tmp_path / "grey.png"
    grey = Image.fromarray(scene).convert(mode)
    grey.save(path)
    assert difference(load_picture(path), np.asarray(grey.convert("RGB"))) == 0


def strip_adobe_marker(jpeg: bytes) -> bytes:
    start = jpeg.index(b"\xff\xee")
    (length,) = struct.unpack(">H", jpeg[start + 2 : start + 4])
    return jpeg[:start] + jpeg[start + 2 + length :]


@pytest.mark.parametrize("adobe", [True, False])
def test_cmyk_with_and_without_the_adobe_marker(tmp_path: Path, scene: Picture, adobe: bool) -> None:
    cmyk = Image.fromarray(scene).convert("CMYK")
    path = tmp_path / "print.jpg"
    if adobe:
        cmyk.save(path, quality=95)
    else:  # without the marker inks are stored as they are, so undo the inversion that comes with it
        Image.merge("CMYK", [ImageOps.invert(band) for band in cmyk.split()]).save(path, quality=95)
        path.write_bytes(strip_adobe_marker(path.read_bytes()))
    assert difference(load_picture(path), scene) < 4


def test_ignores_a_damaged_colour_profile(tmp_path: Path, scene: Picture) -> None:
    path = tmp_path / "profile.png"
    Image.fromarray(scene).save(path, icc_profile=b"not a profile")
    assert difference(load_picture(path), scene) == 0


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_of_an_animation_the_first_frame(tmp_path: Path, scene: Picture, kind: str) -> None:
    path = tmp_path / "animation"
    second = Image.fromarray(255 - scene)
    Image.fromarray(scene).save(path, format=kind, save_all=True, append_images=[second], lossless=True)
    assert difference(load_picture(path), scene) == 0


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    empty = b"IDAT" + zlib.compress(b"")
    return (
        b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", len(empty) - 4) + empty + struct.pack(">I", zlib.crc32(empty))
    )


@pytest.mark.parametrize("size", [(8001, 8000), (12_000, 12_000), (60_000, 60_000)])
def test_refuses_an_image_bomb_by_its_header(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(*size))
    with pytest.raises(InputError, match=r"bomb\.png is too large: .*64 megapixels") as refusal:
        load_picture(path)
    assert "scale it down" in refusal.value.hint


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_refuses_a_truncated_file(tmp_path: Path, scene: Picture, kind: str, share: float) -> None:
    path = tmp_path / "half"
    noise = np.random.default_rng(0).integers(0, 255, scene.shape, dtype=np.uint8)
    Image.fromarray(noise).save(path, format=kind)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"half is damaged or cut off") as refusal:
        load_picture(path)
    assert refusal.value.hint


def test_refuses_what_is_no_picture_file(tmp_path: Path) -> None:
    text, empty, pipe = tmp_path / "text.png", tmp_path / "empty.png", tmp_path / "pipe"
    text.write_text("hello")
    empty.touch()
    os.mkfifo(pipe)
    for path, what in (
        (text, "is not a PNG, JPEG or WebP"),
        (empty, "is empty"),
        (tmp_path, "is a folder"),
        (pipe, "is not a regular file"),
        (tmp_path / "nowhere.png", "does not exist"),
    ):
        with pytest.raises(InputError, match=what) as refusal:
            load_picture(path)
        assert str(path) in refusal.value.message
        assert refusal.value.hint


def test_refuses_a_file_that_may_not_be_read(tmp_path: Path, scene: Picture) -> None:
    path = tmp_path / "secret.png"
    Image.fromarray(scene).save(path)
    path.chmod(0)
    me = os.geteuid()
    if me == 0:
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        # Root may read everything; nobody may not.
        os.seteuid(65534)
    try:
        with pytest.raises(InputError, match=r"secret\.png may not be read"):
            load_picture(path)
    finally:
        os.seteuid(me)


def test_refuses_a_file_whose_reading_fails() -> None:
    with pytest.raises(InputError, match="/proc/self/mem cannot be read"):
        load_picture(Path("/proc/self/mem"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6))
def test_damage_is_refused_or_harmless(
    tmp_path: Path, scene: Picture, kind: str, damage: list[tuple[float, int]]
) -> None:
    path = tmp_path / "damaged"
    Image.fromarray(scene).save(path, format=kind)
    content = bytearray(path.read_bytes())
    for place, value in damage:
        content[int(place * len(content))] = value
    path.write_bytes(content)
    try:
        picture = load_picture(path)
    except InputError as error:
        refusal: InputError | None = error
    else:
        refusal = None
        assert picture.dtype == np.uint8
    assert refusal is None or str(path) in refusal.message


def test_scales_only_down() -> None:
    wide = np.zeros((100, 300, 3), np.uint8)
    assert fitted(wide, 150).shape == (50, 150, 3)
    assert fitted(wide, 300) is wide
    assert fitted(np.zeros((3, 9000, 3), np.uint8)).shape == (2, 2048, 3)
