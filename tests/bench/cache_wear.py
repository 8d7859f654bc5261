"""What the cache costs a flash, beside the obvious way and diskcache. `python tests/bench/cache_wear.py --help`

The same requests go through each of them on UBIFS, on a NAND chip that Debian's kernel simulates in QEMU: a new chip
for each, with half as much room again as the cache may use. Printed as JSON, for the first quarter of the requests, in
which the caches fill up (`cold`), for the rest (`warm`) and for all: requests, hits, bytes admitted, erases of all
blocks, bytes programmed. Times mean nothing, counts everything: what was put is synced after every few
requests, so that counts do not depend on how fast the machine is.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.board.guest import CHECKOUT, Guest, missing

CACHES = ("files", "diskcache", "segments", "segments_without_reinsertion")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=6000)
    parser.add_argument("--capacity-mb", type=int, default=32)
    parser.add_argument("--skew", type=float, default=1.0, help="exponent of Zipf's law")
    parser.add_argument("--drift", type=float, default=0.02, help="new objects per request")
    parser.add_argument("--caches", nargs="*", choices=CACHES, default=CACHES)
    parser.add_argument("--trace", type=Path, help="a recorded trace instead of a synthetic one")
    parser.add_argument("--reopen-mb", type=int, default=0, help="also open a full cache of this size")
    parser.add_argument("--timeout-s", type=float, default=3600)
    options = parser.parse_args()
    if why := missing():
        print(why, file=sys.stderr)
        return 1
    arguments = [f"--requests={options.requests}", f"--capacity-mb={options.capacity_mb}", f"--skew={options.skew}"]
    arguments += [f"--drift={options.drift}", f"--reopen-mb={options.reopen_mb}", "--caches", *options.caches]
    arguments += [f"--trace={options.trace.resolve()}"] if options.trace else []
    script = f"set -eu\ncd {CHECKOUT}\nexec .venv/bin/python -m tests.bench.cache_wear_inside {' '.join(arguments)}\n"
    with tempfile.TemporaryDirectory() as folder:
        result = Guest(Path(folder), memory_mb=1024).run(script, timeout_s=options.timeout_s)
        print(json.dumps(result.facts(), indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
