from __future__ import annotations

from appliance import settings


def test_the_limits_are_those_that_users_are_promised() -> None:
    assert settings.MAX_IMAGE_PIXELS == 64_000_000
    assert settings.MAX_TEMPLATE_SECONDS == 10 * 60
    assert settings.MIN_FACE_PIXELS == 96


def test_three_hours_of_sound_are_allowed_and_an_avatar_fits_a_1080p_frame() -> None:
    assert settings.MAX_AUDIO_SECONDS >= 3 * 3600
    assert settings.MAX_FRAME_SIDE >= 1920
