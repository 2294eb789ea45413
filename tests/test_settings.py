"""Settings: read in one place, bounded, and nothing unsafe outside the demonstration."""

from __future__ import annotations

import pytest

from gridgov.errors import ConfigurationProblem
from gridgov.settings import DEMO_SECRET, data_folder, read_settings, require_secret

LONG = "x" * 32


def test_settings_come_from_the_environment_and_given_ones_win() -> None:
    environment = {"GRIDGOV_PORT": "9000", "GRIDGOV_HOST": "192.0.2.1", "HOME": "/"}
    settings = read_settings(environment, host="127.0.0.1")
    assert (settings.port, settings.host) == (9000, "127.0.0.1")


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"GRIDGOV_PROT": "9000"}, "GRIDGOV_PROT"),
        ({"GRIDGOV_PORT": "0"}, "GRIDGOV_PORT"),
        ({"GRIDGOV_PORT": "many"}, "GRIDGOV_PORT"),
        ({"GRIDGOV_UPLOAD_MAX_BYTES": "1"}, "GRIDGOV_UPLOAD_MAX_BYTES"),
    ],
)
def test_an_unknown_or_impossible_setting_is_named(environment: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationProblem, match=says):
        read_settings(environment)


@pytest.mark.parametrize("secret", ["", "short", DEMO_SECRET])
def test_no_default_secret_works_outside_the_demonstration(secret: str) -> None:
    with pytest.raises(ConfigurationProblem, match="GRIDGOV_SECRET"):
        require_secret(read_settings({"GRIDGOV_SECRET": secret}))
    assert require_secret(read_settings({"GRIDGOV_SECRET": secret, "GRIDGOV_DEMO": "true"}))


def test_a_long_secret_is_taken_and_never_shown() -> None:
    settings = read_settings({"GRIDGOV_SECRET": LONG})
    assert require_secret(settings) == LONG
    assert LONG not in repr(settings)


def test_the_data_folder_has_what_the_program_needs() -> None:
    assert {"schema", "seed", "codes"} <= {path.name for path in data_folder().iterdir()}
