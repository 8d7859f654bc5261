"""Draw the console's picture in the README: `python -m tools.readme_console` writes docs/images/console.webp.

It puts pages beside each other that `python -m tools.console_pictures` took; run that first.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from PIL import Image

from tools.console_pictures import TARGET as PICTURES

TARGET: Final = Path(__file__).resolve().parent.parent / "docs" / "images" / "console.webp"
SHOWN: Final = ("new-en-desktop-light", "job-running-en-desktop-dark", "job-done-en-desktop-light")
TILE: Final = (640, 450)
GAP: Final = 12
GROUND: Final = (128, 128, 136)


def main() -> int:
    strip = Image.new("RGB", (len(SHOWN) * TILE[0] + (len(SHOWN) + 1) * GAP, TILE[1] + 2 * GAP), GROUND)
    for number, name in enumerate(SHOWN):
        try:
            page = Image.open(PICTURES / f"{name}.png").convert("RGB")
        except FileNotFoundError as error:
            print(f"there is no {error.filename}; run python -m tools.console_pictures first", file=sys.stderr)
            return 1
        height = min(page.height, page.width * TILE[1] // TILE[0])
        tile = page.crop((0, 0, page.width, height)).resize(
            (TILE[0], TILE[0] * height // page.width), Image.Resampling.LANCZOS
        )
        strip.paste(tile, (GAP + number * (TILE[0] + GAP), GAP))
    strip.save(TARGET, quality=86, method=6)
    print(f"{TARGET.name}: {TARGET.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
