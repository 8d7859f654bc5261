"""What C libraries write to file descriptor 2 themselves belongs into the log, not on the terminal."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def logged(log: logging.Logger) -> Iterator[None]:
    """Whatever the process writes to its standard error meanwhile, threads included, becomes one line for debugging."""
    caught, kept = os.memfd_create("complaints"), os.dup(2)
    os.dup2(caught, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        text = os.pread(caught, 4096, 0).decode(errors="replace").strip()
        os.close(caught)
        if text:
            log.debug("%s", text)
