"""One table of the limits and defaults that the whole box shares.

Everything here is a plain constant with its unit in its name; what one module alone needs stays in that module.
"""

from __future__ import annotations

from typing import Final

# What an upload may be. Enforced on the header before decoding and again while decoding.
MAX_IMAGE_PIXELS: Final = 64_000_000
MAX_TEMPLATE_SECONDS: Final = 600.0
MAX_AUDIO_SECONDS: Final = 3 * 3600.0
MAX_STREAMS: Final = 32
MIN_FACE_PIXELS: Final = 96
"""Longer side of the face, forehead to chin as a rule, in the picture as uploaded."""

# Sizes that an avatar is normalised to.
MAX_FRAME_SIDE: Final = 2048
"""Longer side of an enrolled picture; a larger one is scaled down once, at enrolment."""

# What the motion network hears.
SPEECH_RATE_HZ: Final = 16_000
"""Sample rate of the mono signal that the motion network reads."""

DEFAULT_FPS: Final = 25.0
