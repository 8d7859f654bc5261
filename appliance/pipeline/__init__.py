"""The main job: sound to motion, motion to frames, frames to an MP4 file, and the avatar packs it draws from."""

from __future__ import annotations

import os

# The render threads are the parallelism. NumPy's linear algebra would start as many threads again, and let them spin;
# it reads this once, when NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
