"""Every text of the console in every language, and nothing that is no longer said."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

import appliance
from appliance.console import i18n
from appliance.console.pages.words import WORDS
from appliance.jobs import options
from appliance.settings import TABLE

PACKAGE = Path(appliance.__file__).parent
CONSOLE = PACKAGE / "console"
OTHERS = [language for language in i18n.LANGUAGES if language != "en"]

_CALL = re.compile(r"""\b_\(\s*(["'])((?:\\.|(?!\1).)+)\1""")
_COUNTED = re.compile(r"""\b_n\(\s*(["'])(?:\\.|(?!\1).)+\1,\s*(["'])((?:\\.|(?!\2).)+)\2""")


def texts() -> set[str]:
    """Every text that the pages, templates and scripts show."""
    found = set()
    for path in [*CONSOLE.glob("templates/*.html"), *CONSOLE.glob("static/js/*.js")]:
        source = path.read_text()
        found |= {unescaped(match[2]) for match in _CALL.finditer(source)}
        found |= {unescaped(match[3]) for match in _COUNTED.finditer(source)}
    for path in CONSOLE.rglob("*.py"):
        found |= set(python_texts(path.read_text()))
    return found | {setting.unit for setting in TABLE.values() if setting.unit}


def unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\'", "'")


def python_texts(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "_n", "N"):
            given = node.args[1 if node.func.id == "_n" else 0]
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                yield given.value


def said() -> set[str]:
    """Every message in the whole package, with `{}` where a value is put in.

    What begins with a semicolon is put behind another message.
    """
    trees = [ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")]
    found = {text for tree in trees for node in ast.walk(tree) for text in literal(node)}
    return found | {"{}" + text for text in found if text.startswith("; ")}


def literal(node: ast.AST) -> list[str]:
    """The text that this very node stands for."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)]
    return []


def findings(tree: ast.Module) -> Iterator[tuple[set[str], set[str]]]:
    """Of each check, finding and fix-up that a module makes: its name, and what it says.

    A variable stands for everything that the module ever assigns to it.
    """
    given = assigned(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Check", "Finding", "Fixup"):
            rest = [*node.args[1:], *(keyword.value for keyword in node.keywords if keyword.arg != "details")]
            yield meant(node.args[0], given), {text for argument in rest for text in meant(argument, given)}


def assigned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """Everything that the module ever assigns to each variable."""
    given: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                given.setdefault(ast.unparse(target), []).append(node.value)
    return given


def meant(node: ast.expr, given: dict[str, list[ast.expr]]) -> set[str]:
    """The texts that an expression may be."""
    if isinstance(node, ast.Name):
        return {text for value in given.get(node.id, []) for text in meant(value, given)}
    if isinstance(node, ast.IfExp):
        return meant(node.body, given) | meant(node.orelse, given)
    return set(literal(node))


def refusals(tree: ast.Module) -> Iterator[str]:
    """Messages and hints of a module's errors, and of the jobs and recordings that it says have failed."""
    given = assigned(tree)
    for node in ast.walk(tree):
        spoken: list[ast.expr] = []
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            spoken = [keyword.value for keyword in node.keywords if keyword.arg in ("error", "hint", "message")]
            ours = called.endswith("Error") and called not in dir(builtins)
            if ours or called == "super().__init__" or called.endswith((".fail", ".postpone")):
                spoken += node.args
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            spoken = node.value.elts
        for text in {text for expression in spoken for text in meant(expression, given)}:
            if re.search("[a-z]{2} ", text):
                yield text


def every_finding() -> list[tuple[set[str], set[str]]]:
    return [found for path in PACKAGE.rglob("*.py") for found in findings(ast.parse(path.read_text()))]


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    assert sorted(texts() - i18n.catalogue(language).keys()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_translation_is_stale(language: str) -> None:
    assert sorted(i18n.catalogue(language).keys() - texts()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_put_in_the_same_values(language: str) -> None:
    names = re.compile(r"\{(\w*)\}")
    wrong = {
        text: known
        for text, known in {**i18n.catalogue(language), **i18n.said_catalogue(language)}.items()
        if sorted(names.findall(text)) != sorted(names.findall(known))
    }
    assert wrong == {}


@pytest.mark.parametrize("language", OTHERS)
def test_settings_and_options_are_explained(language: str) -> None:
    meanings = {setting.meaning for setting in TABLE.values()}
    meanings |= {option["meaning"] for option in options.table().values()}
    assert sorted(meanings - i18n.said_catalogue(language).keys()) == []


def test_every_check_has_a_name() -> None:
    names = {name for found, _ in every_finding() for name in found}
    assert {"disk space", "encoder", "last boot", "microphone"} <= names
    assert sorted(name for name in names if f"check:{name}" not in WORDS) == []


@pytest.mark.parametrize("language", OTHERS)
def test_what_checks_find_is_translated(language: str) -> None:
    texts = {text for _, found in every_finding() for text in found if re.search("[a-z]{2}", text)}
    assert len(texts) > 50
    assert sorted(texts - i18n.said_catalogue(language).keys()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_what_recordings_and_jobs_fail_with_is_translated(language: str) -> None:
    paths = [*PACKAGE.glob("capture/*.py"), *PACKAGE.glob("jobs/*.py"), PACKAGE / "commands/recorder.py"]
    texts = {text for path in paths for text in refusals(ast.parse(path.read_text()))}
    assert {
        "nothing was said within {} s",
        "the microphone {} was unplugged",
        "the worker died {} times while making this",
        "this is a bug in mouthpiece ({})",
        "there is no microphone {}",
    } <= texts
    assert sorted(texts - i18n.said_catalogue(language).keys()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_text_means_the_same_to_pages_and_to_the_rest_of_the_box(language: str) -> None:
    """Scripts get both in one."""
    pages, rest = i18n.catalogue(language), i18n.said_catalogue(language)
    assert {text for text in pages.keys() & rest.keys() if pages[text] != rest[text]} == set()
    assert [text for text in pages if "{}" in text] == []


def test_the_texts_of_a_check_are_found() -> None:
    source = """
NAME = "leaks"
def check():
    message = f"{drops} drops" if drops else "dry"
    yield Finding(NAME, Status.OK, message, fix="a towel")
"""
    assert list(findings(ast.parse(source))) == [({"leaks"}, {"{} drops", "dry", "a towel"})]


@pytest.mark.parametrize("language", OTHERS)
def test_what_the_box_is_said_to_say_it_still_says(language: str) -> None:
    assert sorted(i18n.said_catalogue(language).keys() - said()) == []


@pytest.mark.parametrize(
    ("wanted", "ours"),
    [("en-GB", "en"), ("zh", "zh-CN"), ("zh-Hans-SG", "zh-CN"), ("ZH-cn", "zh-CN"), ("de-AT", None), ("", None)],
)
def test_the_closest_language(wanted: str, ours: str | None) -> None:
    assert i18n.closest(wanted) == ours


def test_what_the_box_says_is_translated_with_its_values() -> None:
    with Flask(__name__).test_request_context(headers={"Cookie": f"{i18n.COOKIE}=zh-CN"}):
        assert i18n.said("there is no avatar bob") == "没有名为 bob 的头像"
        assert i18n.said("nothing was said within 8 s") == "8 秒内没有听到说话"
        unplugged = "the microphone Snowball was unplugged; the 3.2 s before are kept"
        assert i18n.said(unplugged) == "麦克风 Snowball 已被拔出；此前的 3.2 秒已保留"
        assert i18n.said("the disk is full; 3.2 s are kept") == "磁盘已满；已保留 3.2 秒"
        assert i18n.said("the disk is full") == "磁盘已满"
        assert i18n.said("something that no catalogue knows") == "something that no catalogue knows"


def test_the_cookie_goes_before_the_browser() -> None:
    headers = {"Cookie": f"{i18n.COOKIE}=en", "Accept-Language": "zh-CN"}
    with Flask(__name__).test_request_context(headers=headers):
        assert i18n.language() == "en"
    with Flask(__name__).test_request_context(headers={"Accept-Language": "de, zh;q=0.8, en;q=0.5"}):
        assert i18n.language() == "zh-CN"


def test_sentences_follow_each_other_as_the_language_sets_them() -> None:
    with Flask(__name__).test_request_context(headers={"Accept-Language": "en"}):
        assert i18n.joined("One.", "", "Two & three.") == "One. Two &amp; three."
    with Flask(__name__).test_request_context(headers={"Accept-Language": "zh"}):
        assert i18n.joined("一。", "二。") == "一。二。"


def test_english_counts() -> None:
    with Flask(__name__).test_request_context(headers={"Accept-Language": "en"}):
        assert i18n._n("One check passes", "{n} checks pass", 1) == "One check passes"
        assert i18n._n("One check passes", "{n} checks pass", 2) == "2 checks pass"
    with Flask(__name__).test_request_context(headers={"Accept-Language": "zh"}):
        assert "1" in i18n._n("One check passes", "{n} checks pass", 1)
