"""Debian's Chromium before the console of a box."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
from playwright.sync_api import Browser, sync_playwright

from appliance.pipeline.demo import draw_demo

CHROMIUM: Final = Path("/usr/bin/chromium")


@contextlib.contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-dev-shm-usage", *arguments]
        )
        try:
            yield browser
        finally:
            browser.close()


def face(path: Path, size: int = 640) -> Path:
    """A picture of a face, as somebody would upload it."""
    cv2.imwrite(str(path), cv2.resize(draw_demo()[0], (size, size), interpolation=cv2.INTER_AREA))
    return path
