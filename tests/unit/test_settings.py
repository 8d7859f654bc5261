from __future__ import annotations

import dataclasses
import json

import pytest

from appliance import settings
from appliance.errors import InputError
from appliance.settings import TABLE, Settings, parse


def test_the_limits_are_those_that_users_are_promised() -> None:
    assert settings.MAX_IMAGE_PIXELS == 64_000_000
    assert settings.MAX_TEMPLATE_SECONDS == 10 * 60
    assert settings.MIN_FACE_PIXELS == 96


def test_three_hours_of_sound_are_allowed_and_an_avatar_fits_a_1080p_frame() -> None:
    assert settings.MAX_AUDIO_SECONDS >= 3 * 3600
    assert settings.MAX_FRAME_SIDE >= 1920


@pytest.mark.parametrize("name", TABLE)
def test_every_default_is_allowed_and_comes_back_as_itself_from_its_text(name: str) -> None:
    setting = TABLE[name]
    assert parse(name, setting.default) == setting.default
    again = parse(name, str(setting.default))
    assert again == setting.default
    assert type(again) is type(setting.default)
    assert setting.meaning
    assert setting.range


def test_the_table_is_made_of_the_settings() -> None:
    names = [field.name for field in dataclasses.fields(Settings) if field.name != "ignored"]
    assert list(TABLE) == names
    assert Settings().values() == {name: setting.default for name, setting in TABLE.items()}


def test_overrides_are_values_by_attribute_and_by_name() -> None:
    chosen = Settings.of({"port": "9000", "lan": "on", "silence_stop_s": 2, "language": "zh-CN"})
    assert (chosen.port, chosen.lan, chosen.silence_stop_s, chosen.language) == (9000, True, 2.0, "zh-CN")
    assert chosen.get("port") == 9000
    assert chosen.https_port == 8443
    assert chosen.ignored == {}


def test_what_another_version_wrote_is_ignored_and_said() -> None:
    chosen = Settings.of({"teleport": 1, "port": 70000, "kiosk_idle_s": 30, "ignored": {}, "of": 1})
    assert chosen.port == 8080
    assert chosen.kiosk_idle_s == 30
    assert sorted(chosen.ignored) == ["ignored", "of", "port", "teleport"]
    assert "70000" in chosen.ignored["port"]


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("port", "  8081 ", 8081),
        ("port", 8081.0, 8081),
        ("keep_free_gb", "0.5", 0.5),
        ("keep_free_gb", 3, 3.0),
        ("lan", "TRUE", True),
        ("lan", "0", False),
        ("lan", False, False),
        ("microphone", " usb-1.2 ", "usb-1.2"),
        ("microphone", "", ""),
        ("language", "zh-CN", "zh-CN"),
    ],
)
def test_a_value_or_its_text_is_understood(name: str, given: object, value: object) -> None:
    assert parse(name, given) == value
    json.dumps(parse(name, given))


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("port", 0),
        ("port", 65536),
        ("port", 80.5),
        ("port", "80.5"),
        ("port", "http"),
        ("port", True),
        ("port", None),
        ("port", []),
        ("port", "9" * 5000),
        ("keep_free_gb", "nan"),
        ("keep_free_gb", float("inf")),
        ("keep_free_gb", -1),
        ("worker_memory_high_mb", -1),
        ("lan", "maybe"),
        ("lan", 2),
        ("lan", None),
        ("language", "fr"),
        ("language", None),
        ("host", ""),
        ("host", "   "),
        ("host", "a\nb"),
        ("host", "x" * 201),
        ("kiosk_avatar", 5),
    ],
)
def test_a_refused_value_names_the_setting_and_what_is_allowed(name: str, given: object) -> None:
    with pytest.raises(InputError) as caught:
        parse(name, given)
    assert caught.value.message.startswith(f"{name}: ")
    assert caught.value.hint == f"give {TABLE[name].range}"
    assert len(caught.value.message) < 300


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InputError, match="teleport") as caught:
        parse("teleport", 1)
    assert "kiosk_avatar" in caught.value.hint
    with pytest.raises(InputError):
        Settings().get("__class__")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("port", "a whole number from 1 to 65535"),
        ("upload_max_mb", "a whole number from 1 to 100000 (MB)"),
        ("lan", "true or false"),
        ("language", "one of en, zh-CN"),
        ("host", "one line of 1 to 200 characters"),
        ("record_max_s", "a number from 1 to 10800 (seconds)"),
    ],
)
def test_the_range_is_told_in_words(name: str, words: str) -> None:
    assert TABLE[name].range == words
