"""What the settings say: the secret, the address people see, proxies, and extras that a setting asks for."""

from __future__ import annotations

import importlib.util
import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path

from api.checking.finding import Finding, bad, good, warning
from api.checking.machine import writable
from api.proxies import Network, trusted_networks
from gridgov.blobs import open_blobs
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import GridgovError
from gridgov.settings import Settings, require_secret

_WIDEST = {4: 8, 6: 32}  # by version: a public network with a shorter prefix is no house's own
_FEW_CHARACTERS = 10  # a random secret of 32 characters has about 25 different ones


def configuration(settings: Settings) -> Iterator[Finding]:
    """Everything that can be told from the settings alone."""
    yield secret(settings)
    yield address(settings)
    yield proxies(settings)
    yield from extras(settings)


def secret(settings: Settings) -> Finding:
    """GRIDGOV_SECRET: missing or short is refused, guessable is told."""
    try:
        value = require_secret(settings)
    except GridgovError as error:
        return bad("secret", "missing or too short", error.message)
    if settings.demo:
        remedy = (
            "Unset GRIDGOV_DEMO before real data come in: its accounts and passwords are printed in public."
        )
        return warning("secret", "the demonstration's", remedy)
    if len(set(value)) < _FEW_CHARACTERS:
        remedy = "Make a random one: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        return warning("secret", f"only {len(set(value))} different characters", remedy)
    return good("secret", "set")


def address(settings: Settings) -> Finding:
    """Whether phones may give their position: browsers allow it over HTTPS and on the same machine only."""
    if settings.public_url.startswith("https://"):
        return good("address", settings.public_url)
    if settings.public_url:
        remedy = "Put a proxy with TLS in front and write https:// there; phones give their position over HTTPS only."
        return warning("address", settings.public_url, remedy)
    if loopback(settings.host):
        return good("address", f"{settings.host}, this machine only")
    remedy = (
        "Set GRIDGOV_PUBLIC_URL to the https:// address people use; without TLS passwords travel in clear "
        "and phones give no position."
    )
    return warning("address", f"{settings.host}, and no GRIDGOV_PUBLIC_URL", remedy)


def loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def proxies(settings: Settings) -> Finding:
    """GRIDGOV_TRUSTED_PROXIES: needed behind a proxy, dangerous when it trusts everybody."""
    try:
        trusted = trusted_networks(settings.trusted_proxies)
    except GridgovError as error:
        return bad("proxies", settings.trusted_proxies, error.message)
    joined = _joined(trusted)
    if any(network.prefixlen == 0 for network in joined):
        remedy = "Name the proxy's own address; now any visitor may claim any address."
        return bad("proxies", f"{settings.trusted_proxies} trusts everybody", remedy)
    wide = [str(each) for each in joined if each.prefixlen < _WIDEST[each.version] and not each.is_private]
    if wide:
        remedy = "Name the proxy's own address; now anybody in there may claim any address."
        return warning("proxies", f"{', '.join(wide)}: a wide part of the internet", remedy)
    if not trusted and settings.public_url.startswith("https://"):
        remedy = (
            "Set GRIDGOV_TRUSTED_PROXIES to the address of the proxy that ends TLS; otherwise all visitors "
            "count as one, and one who reports too often locks out the others."
        )
        return warning("proxies", "none trusted, though people come by HTTPS", remedy)
    return good("proxies", settings.trusted_proxies or "none")


def _joined(networks: Iterable[Network]) -> list[Network]:
    """The same networks in as few as say it: two halves of the internet are the internet."""
    four = [each for each in networks if isinstance(each, ipaddress.IPv4Network)]
    six = [each for each in networks if isinstance(each, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)]


def extras(settings: Settings) -> Iterator[Finding]:
    """Libraries that are installed only on request."""
    wanted = []
    if settings.attachments_url.startswith("s3://"):
        wanted.append(("s3", "boto3", "GRIDGOV_ATTACHMENTS_URL"))
    if settings.telemetry_endpoint:
        wanted.append(("telemetry", "opentelemetry", "GRIDGOV_TELEMETRY_ENDPOINT"))
    for extra, library, setting in wanted:
        if importlib.util.find_spec(library) is None:
            yield bad(
                f"extra {extra}",
                f"{library} is missing",
                f"{setting} needs it: pip install 'gridgov[{extra}]'",
            )
        else:
            yield good(f"extra {extra}", f"{library} is there")


def photos(settings: Settings) -> Finding:
    """Where photos lie: reachable, and a place that may be written to. Makes no folder."""
    try:
        blobs = open_blobs(settings, settings.database_url)
        if not isinstance(blobs, FolderBlobs):
            blobs.check()
    except GridgovError as error:
        remedy = "Mend GRIDGOV_ATTACHMENTS_URL and GRIDGOV_S3_…, or start that service."
        return bad("photos", error.message, remedy)
    if isinstance(blobs, FolderBlobs) and not writable(blobs.folder):
        remedy = f"Give {blobs.folder} to the service's user, or set GRIDGOV_ATTACHMENTS_URL."
        return bad("photos", f"{blobs.folder} cannot be written to", remedy)
    if not settings.attachments_url and not settings.database_url.startswith("sqlite"):
        remedy = "Set GRIDGOV_ATTACHMENTS_URL=file:///FOLDER; now it depends on where the service is started."
        return warning("photos", f"{blobs.url}, by the present folder", remedy)
    return good("photos", blobs.url)


def photo_folder(settings: Settings) -> Path | None:
    """The folder of photos; None when they lie elsewhere."""
    try:
        blobs = open_blobs(settings, settings.database_url)
    except GridgovError:
        return None
    return blobs.folder if isinstance(blobs, FolderBlobs) else None
