"""Forwarded addresses count only from trusted proxies, and are read from the right."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from api.proxies import client_of, own_origin, trusted_networks
from gridgov.errors import ConfigurationProblem

TRUSTED = trusted_networks(" 10.0.0.0/8, ::1 ,192.0.2.7")


def connection(peer: str | None, scheme: str = "http", **headers: str) -> HTTPConnection:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    client = (peer, 1) if peer is not None else None
    return HTTPConnection(
        {
            "type": "http",
            "client": client,
            "scheme": scheme,
            "path": "/",
            "server": ("inner", 80),
            "headers": raw,
        }
    )


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.3.3.3", "198.51.100.1"),
        ("192.0.2.7", "198.51.100.1", "198.51.100.1"),
        ("192.0.2.8", "198.51.100.1", "192.0.2.8"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "unknown, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:50123", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:http", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, 10.3.3.3:4711", "198.51.100.1"),
        ("10.0.0.1", '"198.51.100.1:50123"', "198.51.100.1"),
        ("10.0.0.1", "[2001:db8:1:2::1]:50123", "2001:db8:1:2::/64"),
        ("10.0.0.1", '"[2001:db8:1:2::9]"', "2001:db8:1:2::/64"),
        ("10.0.0.1", "2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("10.0.0.1", "fe80::1%eth0", "fe80::/64"),
        ("10.0.0.1", "[", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("testclient", "198.51.100.1", "testclient"),
        (None, "198.51.100.1", ""),
    ],
)
def test_the_address(peer: str | None, forwarded: str, address: str) -> None:
    headers = {"x_forwarded_for": forwarded} if forwarded else {}
    assert client_of(connection(peer, **headers), TRUSTED).address == address


def test_an_ipv6_household_counts_as_one() -> None:
    one = client_of(connection("2001:db8:1:2::1"), ())
    other = client_of(connection("2001:db8:1:2:ffff::9"), ())
    assert one.address == other.address == "2001:db8:1:2::/64"
    assert client_of(connection("2001:db8:1:3::1"), ()).address != one.address
    assert client_of(connection("::ffff:203.0.113.5"), ()).address == "203.0.113.5"


@pytest.mark.parametrize(
    ("peer", "secure", "origin"),
    [("10.0.0.1", True, "https://map.example"), ("203.0.113.5", False, "http://inner")],
)
def test_scheme_and_host_come_from_trusted_proxies_only(peer: str, secure: bool, origin: str) -> None:
    headers = {"host": "inner", "x_forwarded_proto": "https", "x_forwarded_host": "map.example"}
    client = client_of(connection(peer, **headers), TRUSTED)
    assert (client.secure, client.origin) == (secure, origin)


def test_the_public_address_is_the_origin_when_it_is_set() -> None:
    client = client_of(connection("203.0.113.5", host="inner"), TRUSTED)
    assert own_origin(client, "https://Map.example/path") == "https://map.example"
    assert own_origin(client, "") == "http://inner"


def test_a_proxy_that_is_no_address_is_named() -> None:
    with pytest.raises(ConfigurationProblem, match=r"proxy\.example"):
        trusted_networks("10.0.0.1, proxy.example")
