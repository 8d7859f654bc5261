"""What a file of the work folder was made by, as part of its name: whatever changes that makes the file anew.

`key` digests the sources of the modules that shape the result, and whatever else it is given (a voice, a seed, the key
of what came before).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType


def key(modules: tuple[ModuleType, ...], *parts: object) -> str:
    """Twelve hexadecimal digits."""
    digest = hashlib.sha256(repr(parts).encode())
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:12]
