"""What ships is complete: pages, vendored libraries and data in the wheel; the image's recipe holds."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments), continued lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    parsed = [line.strip().partition(" ") for line in joined.splitlines() if line.strip()]
    return [(word.upper(), rest.strip()) for word, _, rest in parsed]


def arguments_of(wanted: str) -> list[str]:
    return [rest for word, rest in instructions() if word == wanted]


def environment_of_image() -> dict[str, str]:
    pairs = [pair for rest in arguments_of("ENV") for pair in rest.split()]
    return dict(pair.split("=", 1) for pair in pairs)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The root of the wheel that the image's build stage makes."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    [path] = folder.glob("gridgov-*.whl")
    return zipfile.Path(path)


def shipped(wheel: zipfile.Path) -> set[str]:
    return set(wheel.root.namelist())


def tracked(*folders: str) -> list[str]:
    """The files of `folders` that are kept in git or would be, as paths in the project."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.slow
def test_every_file_of_the_packages_is_in_the_wheel(wheel: zipfile.Path) -> None:
    missing = set(tracked("gridgov", "api", "maps")) - shipped(wheel)
    assert missing == set()


@pytest.mark.slow
def test_every_data_file_is_in_the_wheel_inside_the_package(wheel: zipfile.Path) -> None:
    expected = {f"gridgov/_{name}" for name in tracked("data")}
    assert {"gridgov/_data/schema", "gridgov/_data/seed", "gridgov/_data/codes"} <= {
        "/".join(name.split("/")[:3]) for name in expected
    }
    assert expected - shipped(wheel) == set()


@pytest.mark.slow
def test_every_vendored_library_is_in_the_wheel(wheel: zipfile.Path) -> None:
    manifest = json.loads((ROOT / "maps/web/vendor/manifest.json").read_text(encoding="utf-8"))
    assert "leaflet/leaflet.js" in manifest
    assert {f"maps/web/vendor/{name}" for name in manifest} - shipped(wheel) == set()


@pytest.mark.slow
def test_the_wheel_holds_nothing_else(wheel: zipfile.Path) -> None:
    tops = {name.partition("/")[0] for name in shipped(wheel)}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"gridgov", "api", "maps"}
    assert [name for name in shipped(wheel) if name.endswith((".gpkg", ".sqlite", ".env", ".pyc"))] == []


@pytest.mark.slow
def test_the_wheel_runs_outside_the_checkout(wheel: zipfile.Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    wheel.root.extractall(site)
    store = tmp_path / "zone.gpkg"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(site),
        "NUMBA_CACHE_DIR": str(tmp_path / "kernels"),
        "GRIDGOV_DATABASE_URL": f"sqlite:///{store}",
    }
    program = (
        "from api.cli import app; from gridgov.settings import data_folder\n"
        "print(data_folder(), flush=True)\n"
        "app(['init'])"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[0] == str(site / "gridgov" / "_data")
    assert store.exists()


def test_everything_the_image_copies_is_there_and_not_ignored() -> None:
    allowed = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    ]
    for rest in arguments_of("COPY"):
        words = [word for word in rest.split() if not word.startswith("--")]
        if "--from=" in rest:
            continue
        for source in words[:-1]:
            assert (ROOT / source).exists(), f"COPY {source}"
            assert any(source.rstrip("/") == entry or source.startswith(f"{entry}/") for entry in allowed), (
                source
            )


def test_the_image_starts_from_a_pinned_tag() -> None:
    [default] = [rest.partition("=")[2] for rest in arguments_of("ARG")]
    name, _, tag = default.partition(":")
    assert name == "python"
    assert re.fullmatch(r"3\.\d+\.\d+-slim-[a-z]+", tag)
    assert {rest.split()[0] for rest in arguments_of("FROM")} == {"${PYTHON_IMAGE}"}


def test_the_image_runs_as_nobody_in_particular() -> None:
    order = [word for word, _ in instructions()]
    [user] = arguments_of("USER")
    assert user.isdigit()
    assert int(user) >= 10000
    assert order.index("USER") < order.index("CMD")


def test_the_image_carries_no_secret() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "GRIDGOV_SECRET=" not in text
    assert "GRIDGOV_DEMO" not in text


def test_the_image_keeps_the_store_on_its_volume() -> None:
    [volume] = [json.loads(rest)[0] for rest in arguments_of("VOLUME")]
    assert environment_of_image()["GRIDGOV_DATABASE_URL"].startswith(f"sqlite:///{volume}/")


def test_the_image_starts_the_command_that_the_project_installs() -> None:
    [start] = [json.loads(rest) for rest in arguments_of("CMD")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert start[0] in project["project"]["scripts"]


def test_the_image_holds_the_libraries_of_every_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = (ROOT / "requirements" / "image.lock").read_text(encoding="utf-8")
    for lines in project["project"]["optional-dependencies"].values():
        for line in lines:
            assert re.search(rf"^{re.split(r'[<>=]', line)[0]}==", text, flags=re.MULTILINE), line
    assert any("requirements/image.lock" in rest for rest in arguments_of("RUN"))


def test_kernels_run_as_they_were_compiled_and_are_copied_to_where_they_may_be_written() -> None:
    named = {
        pair for rest in arguments_of("ENV") for pair in rest.split() if pair.startswith("NUMBA_CPU_NAME=")
    }
    assert named == {"NUMBA_CPU_NAME=generic"}
    [warmed] = [rest for rest in arguments_of("RUN") if "warm()" in rest]
    folder = re.findall(r"NUMBA_CACHE_DIR=(\S+)", warmed)[0]
    assert folder in (ROOT / "deploy" / "entrypoint").read_text(encoding="utf-8")
    assert environment_of_image()["NUMBA_CACHE_DIR"].startswith("/tmp/")  # noqa: S108  the image's


def test_the_stop_signal_reaches_the_service_itself() -> None:
    assert arguments_of("STOPSIGNAL") == ["SIGTERM"]
    for word in ("ENTRYPOINT", "CMD"):
        assert all(rest.startswith("[") for rest in arguments_of(word)), (
            "a shell in between would keep the signal"
        )
    script = (ROOT / "deploy" / "entrypoint").read_text(encoding="utf-8")
    assert script.rstrip().splitlines()[-1] == 'exec "$@"'


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_follows_healthz(status: int, healthy: bool) -> None:
    """The image's own HEALTHCHECK command, run against a server that answers as told, and asked past any proxy."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    [check] = [json.loads(rest[rest.index("[") :]) for rest in arguments_of("HEALTHCHECK")]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        nobody = "http://127.0.0.1:9"  # a house's proxy for what leaves the container
        environment = {
            **os.environ,
            "GRIDGOV_PORT": str(server.server_port),
            "http_proxy": nobody,
            "HTTP_PROXY": nobody,
            "no_proxy": "",
            "NO_PROXY": "",
        }
        ran = subprocess.run([sys.executable, *check[1:]], capture_output=True, env=environment, check=False)
        server.shutdown()
    assert check[0] == "python"
    assert (ran.returncode == 0) is healthy


def test_a_lock_pins_every_library_with_hashes() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        entries = re.findall(r"^[a-z0-9].*(?:\n .*)*", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert entries, lock.name
        assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_the_test_environment_has_the_versions_that_ship() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        return set(re.findall(r"^([a-z0-9][^ ]*==[^ ]+)", text, flags=re.MULTILINE))

    assert pins("app.lock") - pins("image.lock") == set()
    assert pins("image.lock") - pins("dev.lock") == set()


def test_the_locks_hold_every_declared_library() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = (ROOT / "requirements" / "app.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, flags=re.MULTILINE))
    declared = {re.split(r"[<>=\[]", line)[0] for line in project["project"]["dependencies"]}
    assert declared - pinned == set()


def test_every_browser_library_has_an_exact_version_and_a_hash() -> None:
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert lock[f"node_modules/{name}"]["version"] == version
    assert [name for name, entry in lock.items() if name and "integrity" not in entry] == []
