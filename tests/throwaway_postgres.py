"""A PostgreSQL cluster with PostGIS that lives as long as one test run, whatever ends the run.

The test run starts this file as a keeper process and holds the write end of its standard input. The keeper
makes the cluster when the first test asks for it through a socket, gives every asker the same address (so
parallel workers share one server), and removes the cluster when its standard input ends: at a normal end,
after Ctrl-C and after a kill alike. Should the keeper itself be killed, the kernel stops the server with it.
"""

import contextlib
import ctypes
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

TEMPLATE = "gridgov_template"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "logging_collector": "off",
    "log_statement": "none",
    "autovacuum": "off",
    "max_wal_size": "2GB",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
INSTALL = "install Debian's packages postgresql and postgresql-postgis (scripts/test does it)"


class NoPostgres(RuntimeError):
    """PostgreSQL with PostGIS is not on this machine, or its server would not start."""


@dataclass(frozen=True)
class Cluster:
    """A running server: its address with the maintenance database, and its process."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Stop the server, by force after ten seconds, and remove its folder."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def programs() -> Path:
    """The folder of initdb and postgres: the newest version on this machine that has PostGIS."""
    found = []
    for folder in Path("/usr/lib/postgresql").glob("*/bin"):
        version = folder.parent.name
        control = Path(f"/usr/share/postgresql/{version}/extension/postgis.control")
        if version.isdigit() and (folder / "initdb").exists() and control.exists():
            found.append((int(version), folder))
    if not found:
        raise NoPostgres(f"No PostgreSQL with PostGIS under /usr/lib/postgresql: {INSTALL}")
    return max(found)[1]


def server_user() -> str | None:
    """Who the server runs as: None for ourselves; as root, which initdb refuses, postgres or nobody."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def initialise(folder: Path, password: str, user: str | None) -> None:
    """Run initdb with ICU sorting as default, so that a query that forgets its COLLATE sorts wrongly here."""
    password_file = folder / "password"
    password_file.write_text(password, encoding="utf-8")
    if user:
        for path in (folder, password_file):
            shutil.chown(path, user)
    program = programs()
    command = [str(program / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "-E", "UTF8"]
    command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync", "--locale=C.UTF-8"]
    if int(program.parent.name) >= 15:
        command += ["--locale-provider=icu", "--icu-locale=und"]
    made = subprocess.run(command, capture_output=True, text=True, user=user, cwd=folder, check=False)
    password_file.unlink()
    if made.returncode:
        raise NoPostgres(f"initdb failed: {made.stderr.strip()}")


def start(*, durable: bool = False) -> Cluster:
    """A new cluster with a template database that has PostGIS; `durable` keeps fsync on, for measurements."""
    folder = Path(tempfile.mkdtemp(prefix="gridgov-postgres-"))
    try:
        return _start_in(folder, durable=durable)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _start_in(folder: Path, *, durable: bool) -> Cluster:
    user = server_user()
    password = secrets.token_urlsafe(18)
    initialise(folder, password, user)
    options = SETTINGS | ({} if durable else NOT_DURABLE) | {"unix_socket_directories": str(folder)}
    port = free_port()
    command = [str(programs() / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    log = folder / "server.log"
    libc = ctypes.CDLL(None)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=user,
            cwd=folder,
            start_new_session=True,
            preexec_fn=lambda: libc.prctl(DIE_WITH_PARENT, signal.SIGQUIT),  # noqa: PLW1509  no threads yet
        )
    cluster = Cluster(f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres", folder, process)
    try:
        wait_until_ready(cluster, log)
        make_template(cluster.url)
    except BaseException:
        cluster.stop()
        raise
    return cluster


def wait_until_ready(cluster: Cluster, log: Path) -> None:
    """Return when the server answers; NoPostgres with the end of its log when it ends or takes over 60 s."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if cluster.process.poll() is not None:
            break
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(cluster.url).close()
            return
        time.sleep(0.05)
    raise NoPostgres(f"The server did not start: {log.read_text(encoding='utf-8')[-2000:]}")


@contextlib.contextmanager
def administration(url: str) -> Iterator["psycopg2.extensions.cursor"]:
    """A cursor outside any transaction, as CREATE DATABASE needs."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def make_template(url: str) -> None:
    """The database TEMPLATE with PostGIS, which fresh_database copies."""
    with administration(url) as cursor:
        cursor.execute(f"CREATE DATABASE {TEMPLATE}")
    with administration(with_database(url, TEMPLATE)) as cursor:
        cursor.execute("CREATE EXTENSION postgis")


def with_database(url: str, name: str) -> str:
    """The same server's address with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def fresh_database(postgis_url: str, template: str = TEMPLATE) -> str:
    """The address of a new database copied from `template` (0.1 s), to which nobody may be connected.

    `template` is the name or the address of a database on the same server.
    """
    name = f"test_{secrets.token_hex(8)}"
    with administration(postgis_url) as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template.rpartition('/')[2]}")
    return with_database(postgis_url, name)


def drop_database(url: str) -> None:
    """Drop what fresh_database made, closing the connections that are still open."""
    name = urlsplit(url).path.removeprefix("/")
    with administration(with_database(url, "postgres")) as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class Keeper:
    """The test run's handle on the keeper process: where to ask, and closing it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gridgov-keeper-"))
        self.door = self.folder / "door"
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(self.door)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def close(self) -> None:
        """End the keeper and with it the cluster; returns when both are gone."""
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


def ask(door: str) -> str:
    """The address of the run's server; the first asker waits for it. NoPostgres says why there is none."""
    with knocked(door) as line:
        answer = json.loads(line.makefile("rb").readline() or b'{"fault": "the keeper ended"}')
    if "fault" in answer:
        raise NoPostgres(answer["fault"])
    return str(answer["url"])


def knocked(door: str) -> socket.socket:
    """A connection to the keeper. Its door may be missing, or there and not yet open, while it starts."""
    deadline = time.monotonic() + 30
    while True:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(door)
        except (FileNotFoundError, ConnectionRefusedError):
            line.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return line


def wait_for_end(ended: threading.Event) -> None:
    """Set `ended` when nobody holds the other end of standard input any more."""
    sys.stdin.buffer.read()
    ended.set()


def keep(door: str) -> None:
    """Answer at the socket `door` until standard input ends, then stop the server and remove all files."""
    made: list[Cluster] = []
    fault = ""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(door)
        listener.listen(64)
        ended = threading.Event()
        threading.Thread(target=wait_for_end, args=(ended,), daemon=True).start()
        listener.settimeout(0.1)
        while not ended.is_set():
            try:
                line, _ = listener.accept()
            except TimeoutError:
                continue
            if not made and not fault:
                try:
                    made.append(start())
                except NoPostgres as error:
                    fault = str(error)
            answer = {"fault": fault} if fault else {"url": made[0].url}
            with contextlib.suppress(OSError), line:
                line.sendall(json.dumps(answer).encode() + b"\n")
    for cluster in made:
        cluster.stop()
    shutil.rmtree(Path(door).parent, ignore_errors=True)


if __name__ == "__main__":
    keep(sys.argv[1])
