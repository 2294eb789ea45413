"""Who a request came from and which address it was sent to, with X-Forwarded-* only from trusted proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from gridgov.errors import ConfigurationProblem, WrongOrigin

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Client:
    """The address a request came from, and the origin it was sent to: scheme://host[:port], as browsers say it."""

    address: str
    secure: bool
    origin: str


def trusted_networks(text: str) -> tuple[Network, ...]:
    """The setting `trusted_proxies` as networks. Raises ConfigurationProblem that names the entry."""
    found = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        try:
            found.append(ipaddress.ip_network(part, strict=False))
        except ValueError as error:
            raise ConfigurationProblem(
                f"GRIDGOV_TRUSTED_PROXIES names {part!r}, which is no address or network; write 10.0.0.5 or 10.0.0.0/8."
            ) from error
    return tuple(found)


def client_of(request: HTTPConnection, trusted: Sequence[Network]) -> Client:
    """The client of a request.

    Forwarded addresses are read from the right, where our own proxies write, up to the first that is not trusted. One
    that is no address counts as the proxy's own, so that nobody is counted anew by inventing words or ports.
    """
    peer = request.client.host if request.client else ""
    address, scheme = peer, request.url.scheme
    host = request.headers.get("host", "")
    if is_trusted(peer, trusted):
        forwarded = [each.strip() for each in ",".join(request.headers.getlist("x-forwarded-for")).split(",")]
        for each in reversed([entry for entry in forwarded if entry]):
            address = _bare(each)
            if _parsed(address) is None:
                address = peer
                break
            if not is_trusted(address, trusted):
                break
        scheme = _last(request.headers.get("x-forwarded-proto")) or scheme
        host = _last(request.headers.get("x-forwarded-host")) or host
    return Client(_grouped(address), scheme == "https", f"{scheme}://{host}".lower())


def check_origin(request: HTTPConnection, client: Client, public_url: str) -> None:
    """Refuse a write that a page of another site started. Raises WrongOrigin.

    Browsers always send Origin with such a write; a client that is no browser sends neither header and carries no
    cookie it did not choose to send.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise WrongOrigin("A write must come from this service's own pages.", sec_fetch_site=site)
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() != own_origin(client, public_url):
        raise WrongOrigin("A write must come from this service's own pages.", origin=origin)


def own_origin(client: Client, public_url: str) -> str:
    """The origin people see: the setting when there is one, else the address the request was sent to.

    Without the port that goes without saying, as browsers leave it out.
    """
    if not public_url:
        return client.origin
    parts = urlsplit(public_url.lower())
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.removesuffix(usual).removesuffix(':')}"


def _bare(entry: str) -> str:
    """A forwarded entry without quotes, brackets and port, as some proxies write them: "[2001:db8::1]:443"."""
    text = entry.strip('" ')
    if text.startswith("["):
        return text[1:].partition("]")[0]
    host, _, port = text.partition(":")
    return host if port.isdigit() and "." in host else text


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, an IPv4 one also when it is written as IPv6 or names an interface; None when it is none."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = known.ipv4_mapped if isinstance(known, ipaddress.IPv6Address) else None
    return mapped or known


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    """Whether an address is one of our own proxies; what is no address is not."""
    known = _parsed(address)
    return known is not None and any(known in network for network in trusted)


def _grouped(address: str) -> str:
    """An address to count by: of IPv6 the /64, which one household has as a whole."""
    known = _parsed(address)
    if known is None:
        return address[:64]
    if isinstance(known, ipaddress.IPv6Address):
        return str(ipaddress.ip_network(f"{known}/64", strict=False))
    return str(known)


def _last(header: str | None) -> str:
    return (header or "").split(",")[-1].strip()
