"""Settings: one class, the only reader of the environment (`GRIDGOV_*`). Unknown keys are refused."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from gridgov.errors import ConfigurationProblem

PREFIX = "GRIDGOV_"
DEMO_SECRET = "demonstration-secret-never-for-real-use"  # noqa: S105 (refused outside --demo)


class Settings(BaseModel):
    """All settings of the service; each is `GRIDGOV_` + the name in capitals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database_url: Annotated[str, Field(description="Store: sqlite:///PATH or postgresql://USER@HOST/DB")] = (
        "sqlite:///gridgov-data/gridgov.gpkg"
    )
    secret: Annotated[
        SecretStr,
        Field(
            description="Key under which addresses, devices and logins are counted; at least 32 characters"
        ),
    ] = SecretStr("")
    demo: Annotated[
        bool, Field(description="Demonstration: fixed accounts and secret; never for real data")
    ] = False
    default_zone: Annotated[str, Field(description="Zone meant when a path names none", max_length=64)] = ""
    host: Annotated[str, Field(description="Address the service listens on")] = "127.0.0.1"
    port: Annotated[int, Field(description="Port the service listens on", ge=1, le=65535)] = 8000
    trusted_proxies: Annotated[
        str, Field(description="Proxies whose X-Forwarded-* count, comma-separated")
    ] = ""
    public_url: Annotated[
        str, Field(description="Address people see, e.g. https://map.example; for Origin checks")
    ] = ""
    upload_max_bytes: Annotated[int, Field(description="Largest upload", ge=1024, le=4 * 1024**3)] = (
        256 * 1024**2
    )
    unpacked_max_bytes: Annotated[int, Field(description="Largest unpacked archive", ge=1024)] = 2 * 1024**3
    import_max_rows: Annotated[int, Field(description="Most rows of one import", ge=1)] = 1_000_000
    geometry_max_vertices: Annotated[int, Field(description="Most vertices of one geometry", ge=4)] = 500_000
    page_max: Annotated[int, Field(description="Most records of one page", ge=1, le=10_000)] = 1_000
    session_hours: Annotated[int, Field(description="A session ends after this many hours", ge=1, le=720)] = (
        12
    )
    sign_in_limit: Annotated[
        int, Field(description="Failed sign-ins per account and address in 15 min", ge=1)
    ] = 10
    public_reports_per_hour: Annotated[
        int, Field(description="Public reports per address and per device", ge=1)
    ] = 10
    store_pool_size: Annotated[int, Field(description="Connections kept open to the store", ge=1, le=200)] = (
        10
    )
    store_wait_seconds: Annotated[float, Field(description="Wait for a busy store", gt=0, le=120)] = 5.0
    slow_query_ms: Annotated[
        int, Field(description="Statements that take longer are logged, in milliseconds; 0 for none", ge=0)
    ] = 500
    workers: Annotated[int, Field(description="Processes that answer requests", ge=1, le=64)] = 1
    root_path: Annotated[
        str, Field(description="Path below which a proxy shows the service, e.g. /map", max_length=100)
    ] = ""
    request_seconds: Annotated[
        float, Field(description="A request without its whole body after this is ended", gt=0, le=3600)
    ] = 60.0
    stop_seconds: Annotated[
        int, Field(description="Time for requests under way when the service is stopped", ge=1, le=600)
    ] = 20
    attachments_url: Annotated[
        str,
        Field(
            description="Where photos lie: file:///PATH or s3://BUCKET/PREFIX; empty: a folder beside the store"
        ),
    ] = ""
    s3_endpoint: Annotated[str, Field(description="Address of an S3-compatible service")] = ""
    s3_region: Annotated[str, Field(description="Region of the S3-compatible service")] = ""
    s3_access_key: Annotated[str, Field(description="Access key of the S3-compatible service")] = ""
    s3_secret_key: Annotated[SecretStr, Field(description="Secret key of the S3-compatible service")] = (
        SecretStr("")
    )
    attachment_max_bytes: Annotated[int, Field(description="Largest photo as sent", ge=1024)] = 20 * 1024**2
    attachment_max_pixels: Annotated[int, Field(description="Most pixels of a photo", ge=10_000)] = 60_000_000
    attachment_side: Annotated[
        int, Field(description="Longer side at which photos are kept, in pixels", ge=320, le=10_000)
    ] = 2_560
    thumbnail_side: Annotated[
        int, Field(description="Longer side of thumbnails, in pixels", ge=64, le=1_024)
    ] = 320
    attachments_per_record: Annotated[int, Field(description="Most photos of one record", ge=1)] = 20
    job_threads: Annotated[
        int,
        Field(
            description="Jobs run at once by a process; with 0 only `gridgov worker` runs them", ge=0, le=16
        ),
    ] = 1
    job_lease_seconds: Annotated[
        float, Field(description="A worker silent for this long has lost its job", ge=1, le=3600)
    ] = 60.0
    job_attempts: Annotated[int, Field(description="Tries of a job before it counts as failed", ge=1)] = 5
    metrics_token: Annotated[
        SecretStr, Field(description="Bearer token for /metrics; without one only this machine may read it")
    ] = SecretStr("")
    telemetry_endpoint: Annotated[
        str, Field(description="OTLP address for traces; needs the extra `telemetry`")
    ] = ""
    log_format: Annotated[str, Field(description="json, or text for people", pattern="^(json|text)$")] = (
        "text"
    )
    log_level: Annotated[
        str, Field(description="debug, info, warning or error", pattern="^(debug|info|warning|error)$")
    ] = "info"

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        """Writes of browsers are compared with it, so that a half address would refuse every one."""
        if value and not _is_web_address(value):
            raise ValueError(
                f"{value!r} is no address as browsers show it; write https://NAME, or https://NAME:PORT when the port "
                "is not 443 (a Chinese name in its xn-- form)"
            )
        return value


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and not set(text) & set(" @?#\\")
    return named and plain and parts.scheme in ("http", "https")


def read_settings(environment: Mapping[str, str] | None = None, **given: object) -> Settings:
    """The settings from `given` (wins) and the environment (None: the process's own).

    Raises ConfigurationProblem that names the key and what to do for an unknown `GRIDGOV_*` key, a value outside
    its bounds, or a missing secret outside the demonstration.
    """
    environment = os.environ if environment is None else environment
    known = {PREFIX + name.upper(): name for name in Settings.model_fields}
    unknown = sorted(key for key in environment if key.startswith(PREFIX) and key not in known)
    if unknown:
        told = ", ".join(f"{key}{_nearest(key, known)}" for key in unknown)
        raise ConfigurationProblem(
            f"Unknown setting {told}. Mend or remove it; docs/reference.md lists all of them.",
            unknown=unknown,
        )
    values: dict[str, object] = {known[key]: value for key, value in environment.items() if key in known}
    values.update({name: value for name, value in given.items() if value is not None})
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults = [
            f"{PREFIX}{str(each['loc'][0]).upper()}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors()
        ]
        raise ConfigurationProblem("Mend these settings: " + "; ".join(faults), faults=faults) from error
    return settings


def _nearest(key: str, known: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    return f" (is {near[0]} meant?)" if near else ""


def require_secret(settings: Settings) -> str:
    """The signing key. Raises ConfigurationProblem when it is missing, short, or the demonstration's outside --demo."""
    secret = settings.secret.get_secret_value()
    if settings.demo:
        return secret or DEMO_SECRET
    if len(secret) < 32 or secret == DEMO_SECRET:
        raise ConfigurationProblem(
            "GRIDGOV_SECRET must be set to at least 32 random characters "
            "(for instance `python -c 'import secrets; print(secrets.token_urlsafe(48))'`); "
            "only --demo runs without one."
        )
    return secret


def name_numbers_folder(folder: Path) -> None:
    """Tell the processes that this one starts where they keep what they measure together.

    prometheus_client reads the name from the environment when it is imported.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def data_folder() -> Path:
    """The folder with schema, seed and codes: beside the packages in a checkout, inside them in the wheel."""
    here = Path(__file__).resolve().parent
    packed = here / "_data"
    return packed if packed.is_dir() else here.parent / "data"
