"""What the console under load costs a render that runs beside it. `python tests/bench/console_load.py [--sentences N]`

One box renders the same recording in turn with the console idle and under load: 1000 idle connections, 200 heads that
never end, 25 streams of logs and 25 of events, and somebody who asks for a page every second. Printed as JSON: the
renders' times, by how much the loaded ones are slower (the best of each kind), what share of all processors the console
took meanwhile, and its resident memory. Times are only worth something on an idle machine; the console's share is worth
something everywhere, and bounds by how much it can slow a render down.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests import sounds
from tests.integration.console_server import Client, Console, set_up_box
from tests.running_box import wait_for

PAGES: Final = ("/", "/jobs", "/logs", "/system", "/api/v1/status", "/api/v1/jobs")
_TICK: Final = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def render(client: Client, upload: str) -> float:
    """Seconds from the start of a job to its end."""
    # A seed of its own: nothing of an earlier video is in the cache.
    wanted = {"avatar": "demo", "audio": {"upload": upload}, "options": {"seed": time.time_ns() % 2**32}}
    job = client.post("/api/v1/jobs", wanted).json["id"]

    def finished() -> Any:
        found = client.get(f"/api/v1/jobs/{job}").json
        return found if found["finished"] else time.sleep(0.5)

    done = wait_for(finished, seconds=600)
    assert done["state"] == "done", done
    client.ask("DELETE", f"/api/v1/jobs/{job}")
    return float(done["finished"] - done["started"])


@contextmanager
def load(box: Console, client: Client) -> Iterator[None]:
    over = threading.Event()

    def listen(path: str) -> None:
        connection = client.connection()
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        connection.request("GET", path, headers={"Cookie": cookies})
        answer = connection.getresponse()
        while not over.is_set() and answer.readline():
            pass

    def browse() -> None:
        while not over.is_set():
            for page in PAGES:
                client.get(page)
                over.wait(1.0)

    with ExitStack() as stack:
        for number in range(1200):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", box.port)))
            if number >= 1000:
                connection.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        paths = ["/api/v1/events", "/api/v1/logs/stream"] * 25
        threads = [threading.Thread(target=listen, args=(path,), daemon=True) for path in paths]
        threads.append(threading.Thread(target=browse, daemon=True))
        for thread in threads:
            thread.start()
        yield
        over.set()
        threads[-1].join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=15, help="length of the recording, about 2 s each")
    parser.add_argument("--rounds", type=int, default=2)
    wanted = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder, set_up_box(Path(folder) / "box") as box:
        client = box.client().log_in()
        recording = sounds.speech(Path(folder) / "speech.wav", "Papa meets Bob at the boat. " * wanted.sentences)
        upload = client.ask("POST", "/api/v1/uploads?name=speech.wav", body=recording.read_bytes()).json["id"]
        render(client, upload)  # the first one loads the model
        idle, loaded, shares = [], [], []
        for _ in range(wanted.rounds):
            idle.append(render(client, upload))
            with load(box, client):
                before, begun = cpu_seconds(box.pid), time.monotonic()
                loaded.append(render(client, upload))
                shares.append((cpu_seconds(box.pid) - before) / (time.monotonic() - begun) / (os.cpu_count() or 1))
        report = {
            "idle_s": [round(seconds, 2) for seconds in idle],
            "loaded_s": [round(seconds, 2) for seconds in loaded],
            "slower": round(min(loaded) / min(idle) - 1, 3),
            "console_share_of_processors": [round(share, 3) for share in shares],
            "console_resident_mb": round(box.resident_mb, 1),
            "load_average": os.getloadavg()[0],
        }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
