"""The running console against those who should not get in, over real sockets."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.console.app import create_app
from appliance.console.security import certificate
from appliance.console.security.hosts import is_loopback
from appliance.storage.config import ConfigStore
from appliance.volumes import Volumes
from tests.integration.console_server import Client, Console, running
from tests.running_box import PASSWORD, free_port, wait_for

Rule = tuple[str, str]
"""Method and path, with `<name>` for parameters."""

BEFORE_SETUP = {"/setup", "/healthz", "/preferences", "/api/v1/setup", "/api/v1/session"}
BEFORE_SETUP |= {"/static/<filename>", "/messages/<language>.json"}
WITHOUT_LOGIN = BEFORE_SETUP | {"/login", "/logout", "/api/v1/login", "/api/v1/logout"}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[Rule]:
    """Everything that the console answers to."""
    app = create_app(Volumes(tmp_path_factory.mktemp("rules")))
    return sorted(
        {
            (method, rule.rule.replace("path:", ""))
            for rule in app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
    )


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Set up, and serving the network too; its kiosk asks for a login, so that every client here is a stranger."""
    root = tmp_path_factory.mktemp("console")
    port = free_port()
    with running(root) as first:
        client = first.client().log_in("setup", name="testbox")
        settings = {"lan": True, "https_port": port, "kiosk_without_login": False}
        assert client.ask("PATCH", "/api/v1/settings", json=settings).status == 200
    with running(root, tls_port=port) as second:
        yield second


@pytest.fixture(scope="module")
def owner(console: Console) -> Client:
    return console.client().log_in()


def filled(path: str, value: str) -> str:
    """The path with every parameter replaced."""
    parts = path.split("<")
    return parts[0] + "".join(value + part.partition(">")[2] for part in parts[1:])


def test_before_the_set_up_nothing_answers_but_setting_up(tmp_path: Path, rules: list[Rule]) -> None:
    assert {path for _, path in rules} >= BEFORE_SETUP
    with running(tmp_path / "box") as console:
        client = console.client()
        for method, path in rules:
            if path in BEFORE_SETUP:
                continue
            answer = client.ask(method, filled(path, "x"))
            if path.startswith("/api/") or path == "/metrics":
                assert (answer.status, answer.json["message"]) == (403, "this box is not set up yet"), (method, path)
            else:
                assert (answer.status, answer.headers["Location"]) == (303, "/setup"), (method, path)
        assert client.get("/nothing/here").headers["Location"] == "/setup"
        client.log_in("setup")
        assert client.get("/").status == 200
        assert client.get("/api/v1/jobs").status == 200
        assert console.client().begin().post("/api/v1/setup", {"password": PASSWORD}).status == 409


def test_without_a_login_nothing_answers_but_logging_in(console: Console, rules: list[Rule]) -> None:
    client = console.client().begin()
    for method, path in rules:
        if path in WITHOUT_LOGIN or path == "/metrics":  # which the box itself may see
            continue
        answer = client.ask(method, filled(path, "x"))
        if path.startswith("/api/"):
            assert answer.status == 401, (method, path, answer.body)
        else:
            assert answer.status == 303, (method, path)
            assert answer.headers["Location"].startswith("/login"), (method, path)


@pytest.mark.parametrize("token", ["", "wrong"])
def test_no_change_is_made_without_the_sessions_token(
    console: Console, owner: Client, rules: list[Rule], token: str
) -> None:
    forged = Client(console.port, cookies=dict(owner.cookies), csrf=token)
    for method, path in rules:
        if method != "GET":
            answer = forged.ask(method, filled(path, "x"), headers={"Accept": "application/json"})
            assert answer.status == 403, (method, path, answer.body)
            assert "does not come from a page of this box" in answer.json["message"], (method, path)
    assert owner.get("/api/v1/session").json["who"] == "person"


def test_the_token_of_another_session_is_worth_nothing(console: Console, owner: Client) -> None:
    other = console.client().begin()
    forged = Client(console.port, cookies=dict(owner.cookies), csrf=other.csrf)
    assert forged.post("/api/v1/tokens", {"name": "mine"}).status == 403


@pytest.mark.parametrize("tls", [False, True])
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(console: Console, tls: bool) -> None:
    answer = console.client(tls=tls).log_in().get("/api/v1/session")
    fresh = console.client(tls=tls).get("/api/v1/session")
    name, *flags = (part.strip() for part in fresh.headers["Set-Cookie"].split(";"))
    assert answer.status == 200
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(flags)
    assert ("Secure" in flags) is tls
    assert name.startswith("__Host-") is tls


def test_every_answer_has_the_strict_policy(console: Console, owner: Client, rules: list[Rule]) -> None:
    stranger = console.client()
    for method, path in rules:
        if method == "GET" and path not in ("/api/v1/events", "/api/v1/logs/stream"):
            for client in (owner, stranger):
                answer = client.get(filled(path, "x"))
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';"), path
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff", path
                assert answer.status < 500 or answer.status == 503, (path, answer.body)


def test_another_sites_name_is_not_answered_to(console: Console) -> None:
    client = console.client()
    for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "testbox.local.evil.example"):
        assert client.get("/healthz", Host=host).status == 421, host
    for host in ("localhost", "testbox.local", "TESTBOX.local:8443", "192.0.2.1", "[::1]:8080"):
        assert client.get("/healthz", Host=host).status == 200, host


TRAVERSALS = [
    "../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252fetc%252fpasswd",
    "..%5c..%5c..%5cetc%5cpasswd",
    "....//....//etc/passwd",
    "%2fetc%2fpasswd",
    "..",
    "%2e%2e",
    "..%00",
    "x%00.mp4",
    "..%c0%af..%c0%afetc%c0%afpasswd",
]


def test_no_path_leads_out_of_the_volumes(console: Console, owner: Client, rules: list[Rule]) -> None:
    secret = console.root / "secret.jpg"
    secret.write_text("root:secret")
    tried = 0
    for method, path in rules:
        if "<" not in path:
            continue
        for attack in [*TRAVERSALS, f"..%2f..%2f..%2f{secret.name}", str(secret).replace("/", "%2f")]:
            answer = owner.ask(method, filled(path, attack))
            assert answer.status < 500 or answer.status == 503, (method, path, attack, answer.status)
            assert answer.status >= 300 or answer.body == b"{}\n", (method, path, attack, answer.body)
            assert b"root:" not in answer.body, (method, path, attack)
            tried += 1
    assert tried > 100
    assert secret.exists()


def bomb_png() -> bytes:
    """A picture of 50000 x 50000 pixels in some kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    squeezed = zlib.compressobj(9)
    row = bytes(1 + 50_000 // 8)
    data = b"".join(squeezed.compress(row) for _ in range(50_000)) + squeezed.flush()
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content"),
    [("bomb.png", bomb_png()), ("bomb.gz", gzip.compress(bytes(300_000_000), 9))],
    ids=["picture", "archive"],
)
def test_a_bomb_is_kept_as_it_is_and_never_unpacked(console: Console, owner: Client, name: str, content: bytes) -> None:
    before = console.resident_mb
    answer = owner.ask("POST", f"/api/v1/uploads?name={name}", body=content, headers={"Content-Encoding": "gzip"})
    assert answer.status == 201, answer.body
    assert answer.json["size"] == len(content)
    kept = console.root / "data" / "uploads" / answer.json["id"] / "content"
    assert kept.read_bytes() == content
    assert console.resident_mb < before + 10


@pytest.mark.parametrize("path", ["/api/v1/uploads", "/new", "/api/v1/login"])
def test_a_stranger_cannot_fill_the_disk(console: Console, path: str) -> None:
    size = 8_000_000
    before = set((console.root / "data" / "uploads").iterdir())

    def pieces() -> Iterator[bytes]:
        for _ in range(size // 100_000):
            yield bytes(100_000)

    for body, headers in ((None, {"Content-Length": str(size)}), (pieces(), {"Transfer-Encoding": "chunked"})):
        try:
            answer = console.client().begin().ask("POST", path, body=body, headers=headers)
        except (ConnectionError, BrokenPipeError):  # it hung up before the whole body came, rightly
            continue
        assert answer.status == 413
        assert "larger than" in answer.json["message"]
    assert set((console.root / "data" / "uploads").iterdir()) == before


def test_an_upload_larger_than_the_setting_is_refused(owner: Client) -> None:
    assert owner.ask("PATCH", "/api/v1/settings", json={"upload_max_mb": 2}).status == 200
    try:
        answer = owner.ask("POST", "/api/v1/uploads?name=long.wav", headers={"Content-Length": "3000000"})
        assert answer.status == 413
        assert owner.ask("POST", "/api/v1/uploads?name=ok.wav", body=bytes(1_900_000)).status == 201
    finally:
        owner.ask("PATCH", "/api/v1/settings", json={"upload_max_mb": None})


def test_guessing_is_slowed_down_and_the_owner_is_not_locked_out(console: Console) -> None:
    guesser = console.client().begin()
    answers = [guesser.post("/api/v1/login", {"password": f"guess {n}"}) for n in range(8)]
    assert [answer.status for answer in answers[:3]] == [401, 401, 401]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) >= 4
    assert all(1 <= int(answer.headers["Retry-After"]) <= 30 for answer in refused)
    assert PASSWORD not in console.log.read_text()
    wait_for(lambda: guesser.post("/api/v1/login", {"password": PASSWORD}).status == 200, seconds=35)


def test_a_script_shows_a_token_until_it_is_removed(console: Console, owner: Client) -> None:
    made = owner.post("/api/v1/tokens", {"name": "script"})
    assert made.status == 201
    script = Client(console.port, bearer=made.json["token"])
    assert script.get("/api/v1/jobs").status == 200
    assert script.post("/api/v1/jobs", {"avatar": "demo", "audio": {"upload": "x"}}).status == 400
    assert script.get("/api/v1/tokens").status == 403
    assert script.post("/api/v1/password", {"old": PASSWORD, "new": "another password"}).status == 403
    assert made.json["token"].encode() not in (console.root / "nor" / "config" / "config.nor").read_bytes()
    assert made.json["token"] not in owner.get("/api/v1/tokens").text
    assert owner.ask("DELETE", f"/api/v1/tokens/{made.json['id']}").status == 204
    assert script.get("/api/v1/jobs").status == 401


def test_the_kiosk_may_do_its_few_things_without_a_login(tmp_path: Path, rules: list[Rule]) -> None:
    few = {
        ("GET", "/kiosk"), ("POST", "/kiosk"), ("GET", "/metrics"),
        ("GET", "/api/v1/events"), ("GET", "/api/v1/microphones"),
        ("POST", "/api/v1/recordings"), ("POST", "/api/v1/recordings/stop"),
        ("POST", "/api/v1/jobs"), ("POST", "/api/v1/jobs/<identifier>/cancel"), ("DELETE", "/api/v1/jobs/<identifier>"),
    }  # fmt: skip
    few |= {("GET", f"/api/v1/jobs/<identifier>{file}") for file in ("", "/preview.jpg", "/poster.jpg", "/video.mp4")}
    few |= {("GET", f"/api/v1/avatars/<name>{file}") for file in ("", "/preview.jpg", "/thumbnail.jpg")}
    with running(tmp_path / "box") as console:
        owner = console.client().log_in("setup")
        upload = owner.ask("POST", "/api/v1/uploads?name=a.wav", body=b"sound").json["id"]
        others = owner.post("/api/v1/jobs", {"avatar": "demo", "audio": {"upload": upload}}).json["id"]
        kiosk = console.client().begin()
        for method, path in rules:
            if path not in WITHOUT_LOGIN and path != "/api/v1/events":
                answer = kiosk.ask(method, filled(path, "x"), json={})
                refused = answer.status in (401, 403) or answer.headers.get("Location", "").startswith("/login")
                assert refused is ((method, path) not in few), (method, path, answer.status)
        mine = kiosk.post("/api/v1/jobs", {"avatar": "stranger", "audio": {"upload": upload}})
        assert (mine.status, mine.json["spec"]["avatar"]) == (201, "demo")
        assert kiosk.get(f"/api/v1/jobs/{mine.json['id']}").status == 200
        assert kiosk.get(f"/api/v1/jobs/{others}").status == 404
        assert kiosk.ask("DELETE", f"/api/v1/jobs/{others}").status == 404
        assert kiosk.post(f"/api/v1/jobs/{mine.json['id']}/cancel", {}).json["state"] == "cancelled"


def test_whoever_holds_the_box_sets_a_new_password(tmp_path: Path) -> None:
    root = tmp_path / "box"
    with running(root) as console:
        owner = console.client().log_in("setup")
        token = owner.post("/api/v1/tokens", {"name": "script"}).json["token"]
        reset = [sys.executable, "-m", "appliance", "--data", str(root), "reset-password"]
        short = subprocess.run(reset, input=b"short\n", capture_output=True, check=False)
        assert (short.returncode, b"fewer than" in short.stderr) == (1, True)
        assert owner.get("/api/v1/session").json["who"] == "person"
        subprocess.run(reset, input=b"a new password\n", capture_output=True, check=True)
        wait_for(lambda: owner.get("/api/v1/jobs").status == 401, seconds=10)
        assert Client(console.port, bearer=token).get("/api/v1/jobs").status == 401
        fresh = console.client().begin()
        assert fresh.post("/api/v1/login", {"password": PASSWORD}).status == 401
        assert fresh.post("/api/v1/login", {"password": "a new password"}).status == 200


@pytest.fixture
def outside() -> str:
    """An address of this machine that is not loopback: whoever comes from it is a visitor from the network."""
    found = sorted(address for address in certificate.addresses() if not is_loopback(address))
    if not found:
        pytest.skip("this machine is on no network")
    return found[0]


def test_a_visitor_from_the_network_needs_the_pairing_code_and_then_the_password(tmp_path: Path, outside: str) -> None:
    root, port = tmp_path / "box", free_port()
    volumes = Volumes(root)
    ConfigStore(volumes).update(lambda config: config.update(settings={"lan": True, "https_port": port}))
    with running(root, tls_port=port) as console:
        with pytest.raises(ConnectionError):
            Client(console.port, host=outside).get("/healthz")
        visitor = Client(port, tls=True, host=outside).begin()
        assert visitor.get("/").headers["Location"] == "/setup"
        assert visitor.post("/api/v1/setup", {"password": PASSWORD}).status == 403
        shown = subprocess.run(
            [sys.executable, "-m", "appliance", "--data", str(root), "pairing-code"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        assert len(shown) == 8
        assert shown not in console.log.read_text()
        visitor.log_in("setup", code=shown)
        assert visitor.get("/api/v1/jobs").status == 200
        stranger = Client(port, tls=True, host=outside)
        assert stranger.get("/kiosk").headers["Location"].startswith("/login")
        assert stranger.get("/metrics").status == 401
        assert console.client().get("/kiosk").status == 200


def test_a_new_password_ends_every_other_session(console: Console) -> None:
    one, other = console.client().log_in(), console.client().log_in()
    changed = one.post("/api/v1/password", {"old": PASSWORD, "new": PASSWORD})
    assert changed.status == 200
    assert one.get("/api/v1/jobs").status == 200
    assert other.get("/api/v1/jobs").status == 401
