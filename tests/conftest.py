"""What every test has: a PostgreSQL server on request, no network, and no PostGIS test skipped in silence."""

import importlib.util
import logging
import socket
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from tests.throwaway_postgres import Keeper, ask, drop_database, fresh_database

pytest_plugins = [name for name in ["tests.fixtures_store"] if importlib.util.find_spec(name)]

# A shared machine is slow at times, and a slow example is no fault.
settings.register_profile("gridgov", deadline=None, print_blob=True)
settings.load_profile("gridgov")

KEEPER = pytest.StashKey[Keeper]()
DOOR = pytest.StashKey[str]()
REAL_CONNECT = socket.socket.connect
SKIPPED_NAMES: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgis-url",
        default="",
        help="use this PostGIS server (a role that may create databases) and start none",
    )


def pytest_configure(config: pytest.Config) -> None:
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        config.stash[DOOR] = worker["postgres_door"]
    elif not config.getoption("--postgis-url") and not config.option.collectonly:
        config.stash[KEEPER] = Keeper()
        config.stash[DOOR] = str(config.stash[KEEPER].door)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell each xdist worker where to ask for the server that all of them share."""
    node.workerinput["postgres_door"] = node.config.stash.get(DOOR, "")  # type: ignore[attr-defined]  # xdist


def pytest_unconfigure(config: pytest.Config) -> None:
    keeper = config.stash.get(KEEPER, None)
    if keeper:
        keeper.close()


@pytest.fixture(autouse=True)
def no_stray_log() -> Iterator[None]:
    """A command that a test runs sends the log to that test's own output; the tests after it must not write there."""
    yield
    root = logging.getLogger()
    for each in [handler for handler in root.handlers if type(handler) is logging.StreamHandler]:
        root.removeHandler(each)
        logging.getLogger("gridgov").setLevel(logging.NOTSET)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and "postgis" in report.keywords:
        SKIPPED_NAMES.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skipped PostGIS test is a failure: a store that nobody tested is not supported."""
    if SKIPPED_NAMES and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name in SKIPPED_NAMES:
        terminalreporter.write_line(f"SKIPPED POSTGIS TEST counts as a failure: {name}", red=True)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that connects to anything but this machine fails, and says where it wanted to go."""

    def connect(self: socket.socket, address: object) -> None:
        loopback = ("127.", "::1", "localhost")
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            assert isinstance(address, tuple)
            if str(address[0]).startswith(loopback):
                REAL_CONNECT(self, address)
                return
            raise AssertionError(f"A test wanted to connect to {address}: tests use no network")
        REAL_CONNECT(self, address)  # type: ignore[arg-type]  # as the standard library declares it

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session")
def postgis_url(request: pytest.FixtureRequest) -> str:
    """The address of the run's PostgreSQL server with its maintenance database; give it to fresh_database."""
    given = str(request.config.getoption("--postgis-url"))
    return given or ask(request.config.stash[DOOR])


@pytest.fixture
def postgis_database(postgis_url: str) -> Iterator[str]:
    """The address of an empty database with PostGIS, dropped after the test."""
    url = fresh_database(postgis_url)
    yield url
    drop_database(url)


@pytest.fixture
def make_postgis_database(postgis_url: str) -> Iterator[Callable[[], str]]:
    """Makes as many empty databases with PostGIS as the test needs; all are dropped after it."""
    made: list[str] = []

    def make() -> str:
        made.append(fresh_database(postgis_url))
        return made[-1]

    yield make
    for url in made:
        drop_database(url)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for the server is a PostGIS test, marked or not."""
    for item in items:
        if "postgis_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgis)
