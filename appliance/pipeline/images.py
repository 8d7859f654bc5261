"""A picture file becomes pixels: NDArray uint8 [H, W, 3], BGR, sRGB, upright.

PNG, JPEG (MPO of phones too) and WebP, by content, never by name; of an animation the first frame. Everything that a
file may carry is settled here: EXIF orientation, ICC profile, alpha (laid over a light grey), palette, grey, 16 bits,
CMYK. The header is checked against `MAX_IMAGE_PIXELS` before any pixel is decoded. Whatever is wrong with the file is
an `InputError` that names it.
"""

from __future__ import annotations

import contextlib
import io
import stat
import struct
import warnings
import zlib
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from appliance import settings
from appliance.errors import InputError

Picture = NDArray[np.uint8]

BACKDROP: Final = (208, 208, 208)
"""What lies behind transparent parts: a light grey, kind to the soft edges of cut-out hair of any colour."""

_READERS: Final = (PngImagePlugin.PngImageFile, JpegImagePlugin.JpegImageFile, WebPImagePlugin.WebPImageFile)
_BROKEN: Final = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
"""What Pillow's decoders raise on damaged files."""


def check_readable(path: Path) -> None:
    """Raise `InputError` unless `path` is a file with something in it that this process may read."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise InputError(f"{path} is {kind}", hint="name a picture or a video file")
        with path.open("rb") as file:
            first = file.read(1)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist", hint="check the path") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read by this user", hint=f"allow it, e.g. `chmod a+r {path}`") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint="copy it again") from error
    if not first:
        raise InputError(f"{path} is empty", hint="copy it again; the transfer may have been cut off")


def is_picture(path: Path) -> bool:
    """Whether the file begins as a picture of a kind that `load_picture` reads."""
    with path.open("rb") as file:
        head = file.read(12)
    is_webp = head[:4] == b"RIFF" and head[8:] == b"WEBP"
    return is_webp or head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"))


def load_picture(path: Path) -> Picture:
    """Decode a picture file in its own size."""
    check_readable(path)
    if not is_picture(path):
        raise InputError(f"{path} is not a PNG, JPEG or WebP picture", hint="save it as PNG or JPEG")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures (our limit is lower) and of odd metadata
            with Image.open(path, formats=[reader.format for reader in _READERS]) as image:
                _check_size(path, *image.size)
                image.load()
                with contextlib.suppress(*_BROKEN):  # a broken EXIF block turns nothing
                    ImageOps.exif_transpose(image, in_place=True)
                rgb = _to_rgb(image)
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except _BROKEN as error:
        raise InputError(
            f"{path} is damaged or cut off: {error}", hint="copy it again, or open it in an editor and save it as PNG"
        ) from error
    return np.ascontiguousarray(np.asarray(rgb)[:, :, ::-1])


def fitted(picture: Picture, longest: int = settings.MAX_FRAME_SIDE) -> Picture:
    """The picture scaled down so that its longer side is at most `longest`; a smaller one is returned as it is."""
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > settings.MAX_IMAGE_PIXELS:
        raise _too_large(path, f"{width} x {height} pixels, ")


def _too_large(path: Path, size: str = "") -> InputError:
    limit = settings.MAX_IMAGE_PIXELS // 1_000_000
    return InputError(f"{path} is too large: {size}more than {limit} megapixels", hint="scale it down and try again")


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any mode that Pillow decodes to 8-bit sRGB, composited where it is transparent."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow clips 16-bit grey when it converts; scaling keeps the picture.
        deep = np.asarray(image).astype(np.float32)
        image = Image.fromarray(np.clip(deep / 257.0 + 0.5, 0, 255).astype(np.uint8))
    if image.mode == "CMYK" and image.format in ("JPEG", "MPO") and "adobe" not in image.info:
        # Pillow takes every CMYK JPEG for Adobe's, whose inks are stored inverted; one without the marker is not.
        image = _keeping_profile(ImageChops.invert(image), image)
    alpha = None
    if image.has_transparency_data:
        rgba = _keeping_profile(image.convert("RGBA"), image)
        alpha = rgba.getchannel("A")
        image = _keeping_profile(rgba.convert("RGB"), image)
    rgb = _to_srgb(image)
    if alpha is None:
        return rgb
    backdrop = Image.new("RGB", rgb.size, BACKDROP)
    backdrop.paste(rgb, mask=alpha)
    return backdrop


def _keeping_profile(image: Image.Image, source: Image.Image) -> Image.Image:
    if profile := source.info.get("icc_profile"):
        image.info["icc_profile"] = profile
    return image


def _to_srgb(image: Image.Image) -> Image.Image:
    """Apply the embedded colour profile; one that is damaged or of another colour model is ignored."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        with contextlib.suppress(ImageCms.PyCMSError, *_BROKEN):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB")
