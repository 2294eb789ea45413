"""Settings: read in one place, bounded, and nothing unsafe outside the demonstration."""

from __future__ import annotations

import pytest

from api.proxies import Client, own_origin
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
        ({"GRIDGOV_PROT": "9000"}, "GRIDGOV_PROT .is GRIDGOV_PORT meant"),
        ({"GRIDGOV_DATABASEURL": "x"}, "is GRIDGOV_DATABASE_URL meant"),
        ({"GRIDGOV_ZZZ": "x"}, "GRIDGOV_ZZZ. Mend or remove it; docs/reference.md"),
        ({"GRIDGOV_PORT": "0"}, "GRIDGOV_PORT"),
        ({"GRIDGOV_PORT": "many"}, "GRIDGOV_PORT"),
        ({"GRIDGOV_UPLOAD_MAX_BYTES": "1"}, "GRIDGOV_UPLOAD_MAX_BYTES"),
    ],
)
def test_an_unknown_or_impossible_setting_is_named(environment: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationProblem, match=says):
        read_settings(environment)


@pytest.mark.parametrize(
    "url",
    [
        "map.example",
        "map.example:8443",
        "//map.example",
        "https://",
        "https:map.example",
        "https:///map",
        "ftp://map.example",
        "https://map.example:many",
        "https://map.example:70000",
        "https://[::1",
        "https://地图.example",
        "https://wang@map.example",
        "https://map.example, https://other.example",
    ],
)
def test_an_address_that_no_browser_would_send_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationProblem, match=r"GRIDGOV_PUBLIC_URL: .*write https://NAME"):
        read_settings({"GRIDGOV_PUBLIC_URL": url})


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Map.example", "https://map.example"),
        ("https://map.example/", "https://map.example"),
        ("https://map.example/map", "https://map.example"),
        ("https://map.example:443", "https://map.example"),
        ("http://10.0.0.5:80/", "http://10.0.0.5"),
        ("http://10.0.0.5:8000", "http://10.0.0.5:8000"),
        ("https://[2001:db8::80]", "https://[2001:db8::80]"),
        ("https://map.example:80", "https://map.example:80"),
    ],
)
def test_the_address_people_see_is_compared_as_browsers_write_it(url: str, origin: str) -> None:
    settings = read_settings({"GRIDGOV_PUBLIC_URL": url})
    assert own_origin(Client("198.51.100.7", False, "http://inside:8000"), settings.public_url) == origin


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
