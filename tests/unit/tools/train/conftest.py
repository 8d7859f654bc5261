"""What the tests of several sources of speech need."""

from __future__ import annotations

import pytest

from appliance.errors import UnhealthyError
from tools.train.espeak import Espeak


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    try:
        return Espeak()
    except UnhealthyError as error:
        pytest.skip(str(error))
