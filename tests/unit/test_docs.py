"""What the documents say, held against what there is: links, targets, commands, options, limits, modules."""

from __future__ import annotations

import re
import shlex
import subprocess
import wave
from pathlib import Path

import click
import pytest

from appliance import settings
from appliance.cli import cli
from appliance.pipeline import options

ROOT = Path(__file__).parents[2]
README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
READMES = [README, CHINESE]
DOCUMENTS = [*READMES, *sorted((ROOT / "docs").glob("*.md"))]
CONTEXT = click.Context(cli)
NOT_YET = ("not yet", "尚未完成")

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

by_name = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
in_both_languages = pytest.mark.parametrize("document", READMES, ids=lambda path: path.name)


def code(text: str) -> list[str]:
    """Every line of code in a Markdown text, from fenced blocks and from spans."""
    fenced = [line for match in FENCE.finditer(text) for line in match[2].splitlines()]
    return [*fenced, *SPAN.findall(FENCE.sub("", text))]


def commands(text: str) -> list[list[str]]:
    """The words after `mouthpiece` of every command line in a Markdown text."""
    lines = [shlex.split(line, comments=True) for line in code(text) if re.match(r"(\S*/)?mouthpiece\s", line)]
    return [words[1:] for words in lines]


def targets(text: str) -> set[str]:
    """Every `make TARGET` in a Markdown text."""
    return {match[1] for line in code(text) if (match := re.match(r"make ([a-z-]+)", line))}


def rows(text: str) -> list[list[str]]:
    """The cells of every line of every table."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def apart(document: Path) -> tuple[str, str]:
    """A document without what it says is not there yet, and that."""
    lines = document.read_text().splitlines()
    missing = [line for line in lines if line.startswith("|") and any(words in line for words in NOT_YET)]
    return "\n".join(line for line in lines if line not in missing), "\n".join(missing)


def misused(words: list[str]) -> str | None:
    """What is wrong with a command line that a document shows, or None."""
    command: click.Command = cli
    flags: set[str] = set()
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            below = command.get_command(CONTEXT, word)
            if below is None:
                return f"there is no command {word}"
            command = below
            flags |= {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
        elif word.startswith("--") and word not in flags:
            return f"{command.name} has no option {word}"
    return None


def made_by_make() -> dict[str, str]:
    shown = subprocess.run(["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True).stdout
    return {line.split()[1]: line for line in shown.splitlines() if line.startswith("  make ")}


@by_name
def test_links_lead_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text()) if not link.startswith(("http", "#"))]
    dead = [link for link in links if not (document.parent / link.partition("#")[0]).exists()]
    assert dead == []


@by_name
def test_every_make_target_exists(document: Path) -> None:
    assert targets(document.read_text()) <= made_by_make().keys()


@in_both_languages
def test_targets_are_built_or_said_not_to_be(document: Path) -> None:
    there, missing = (targets(part) for part in apart(document))
    known = made_by_make()
    assert [name for name in sorted(there) if "not built yet" in known[name]] == []
    assert [name for name in sorted(missing) if "not built yet" not in known[name]] == []


@by_name
def test_commands_are_used_as_they_are(document: Path) -> None:
    there, missing = apart(document)
    assert [problem for words in commands(there) if (problem := misused(words))] == []
    assert [words for words in commands(missing) if misused(words) is None] == []


@pytest.mark.parametrize("words", [["sing"], ["avatar", "paint"], ["render", "--louder", "2"]])
def test_a_command_that_is_not_there_is_noticed(words: list[str]) -> None:
    assert misused(words) is not None


@in_both_languages
def test_every_command_is_listed(document: Path) -> None:
    grouped = ("avatar", "jobs", "storage", "update")
    shown = {" ".join(words[:2]) if words[0] in grouped else words[0] for words in commands(document.read_text())}
    for name in cli.list_commands(CONTEXT):
        command = cli.get_command(CONTEXT, name)
        assert command is not None
        below = command.list_commands(CONTEXT) if isinstance(command, click.Group) else []
        assert shown.issuperset([f"{name} {sub}" for sub in below] or ([] if command.hidden else [name]))


def table_of_options(document: Path) -> dict[str, list[str]]:
    found = [cells for cells in rows(document.read_text()) if len(cells) == 4 and cells[0].startswith("`--")]
    return {cells[0].strip("`-").replace("-", "_"): cells[1:] for cells in found}


@in_both_languages
def test_the_table_of_options_is_the_programs(document: Path) -> None:
    table = table_of_options(document)
    assert table.keys() == options.DEFAULTS.keys()
    for name, allowed in options.RANGES.items():
        values, default, _ = table[name]
        low, high = (float(number) for number in re.findall(r"-?[\d.]+", values))
        assert (low, high) == (allowed.low, allowed.high), name
        assert values.endswith(allowed.unit), name
        assert (float(default) if default else None) == options.DEFAULTS[name], name
    for name in options.SWITCHES:
        assert table[name][:2] == ["on, off", "on" if options.DEFAULTS[name] else "off"]


def test_the_table_gives_the_programs_own_meanings() -> None:
    meanings = options.SWITCHES | {name: allowed.meaning for name, allowed in options.RANGES.items()}
    assert {name: cells[2] for name, cells in table_of_options(README).items()} == meanings


def test_both_languages_show_the_same_code_and_rows() -> None:
    english, chinese = (document.read_text() for document in READMES)
    assert FENCE.findall(english) == FENCE.findall(chinese)
    assert [len(cells) for cells in rows(english)] == [len(cells) for cells in rows(chinese)]
    # But for the links to one another.
    assert LINK.findall(english)[1:] == LINK.findall(chinese)[1:]
    assert (LINK.findall(english)[0], LINK.findall(chinese)[0]) == (CHINESE.name, README.name)


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = [body for language, body in FENCE.findall(README.read_text()) if language == "python"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOUTHPIECE_ROOT", str(tmp_path / "root"))
    with wave.open("speech.wav", "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(2 * 4_800))
    exec(compile(example.replace("portrait.png", "demo"), README.name, "exec"), {})  # noqa: S102  our own example
    assert b"ftyp" in Path("clip.mp4").read_bytes()[:16]


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (r"(\d+) megapixels", settings.MAX_IMAGE_PIXELS / 1e6),
        (r"(\d+) minutes of video", settings.MAX_TEMPLATE_SECONDS / 60),
        (r"(\d+) hours of sound", settings.MAX_AUDIO_SECONDS / 3600),
        (r"(\d+) streams", settings.MAX_STREAMS),
        (r"(\d+) pixels from forehead to chin", settings.MIN_FACE_PIXELS),
        (r"side has more than (\d+) pixels", settings.MAX_FRAME_SIDE),
    ],
)
def test_limits_are_the_programs(words: str, limit: float) -> None:
    text = " ".join(" ".join(document.read_text() for document in DOCUMENTS).split())
    assert {float(number) for number in re.findall(words, text)} == {limit}


def test_the_architecture_names_every_module_of_the_pipeline() -> None:
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text().partition("## The pipeline")[2].partition("\n## ")[0]
    named = {name for cells in rows(text) if len(cells) == 2 for name in re.findall(r"`([a-z_\d]+)`", cells[1])}
    folder = ROOT / "appliance" / "pipeline"
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert sorted(named) == sorted(modules - {"__init__"}), "docs/ARCHITECTURE.md, the table under The pipeline"


def test_the_pictures_are_small_enough_for_a_page() -> None:
    pictures = [ROOT / link for link in LINK.findall(README.read_text()) if link.startswith("docs/images/")]
    assert len(pictures) == 2
    assert all(10_000 < picture.stat().st_size < 400_000 for picture in pictures)


def test_every_setting_is_explained_with_its_default() -> None:
    text = (ROOT / "docs" / "OPERATIONS.md").read_text()
    table = {cells[0].strip("`"): cells[1:] for cells in rows(text) if len(cells) == 4 and cells[0].startswith("`")}
    assert table.keys() == settings.TABLE.keys()
    for name, (default, unit, meaning) in table.items():
        setting = settings.TABLE[name]
        if isinstance(setting.default, bool):
            assert default == ("on" if setting.default else "off")
        elif isinstance(setting.default, str):
            assert default == setting.default
        else:
            assert float(default) == setting.default
        assert unit == setting.unit
        assert meaning == setting.meaning + (" (after a restart)" if setting.restart else "")
