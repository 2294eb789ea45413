"""The service and its database as processes of their own, to be killed and started again."""

from __future__ import annotations

import http.client
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.throwaway_postgres import Cluster, free_port, server_user, wait_until_ready

GRIDGOV = (sys.executable, "-c", "from api.cli import main; main()")
ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60.0


class Service:
    """`gridgov serve` on a port of its own; the kernel ends it with whoever started it."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        program: Sequence[str] = GRIDGOV,
        settings: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> None:
        self.port = free_port()
        self.log = folder / "service.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._before = before
        self._command = [*program, "serve", "--port", str(self.port)]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GRIDGOV_")}
        self._environment = {
            **clean,
            "GRIDGOV_DATABASE_URL": url,
            "GRIDGOV_SECRET": "a secret of the soak and of nothing else",
            "GRIDGOV_ATTACHMENTS_URL": f"file://{folder / 'files'}",
            "GRIDGOV_PUBLIC_REPORTS_PER_HOUR": "1000000",
            "GRIDGOV_LOG_LEVEL": "warning",
            **(settings or {}),
        }

    def start(self) -> None:
        """Start it and do not wait."""
        guard = ["setpriv", "--pdeathsig", "KILL", *self._before]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*guard, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=ROOT,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Return when it answers that it can serve. Raises RuntimeError with its log when it ends or takes too long."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                break
            if self.status() == 200:
                return
            time.sleep(0.02)
        raise RuntimeError(f"The service does not answer: {self.log.read_text(encoding='utf-8')[-3000:]}")

    def status(self, path: str = "/healthz") -> int:
        """The status it answers with; 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def kill(self) -> None:
        """End it and all its workers with SIGKILL, which no program can delay."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, by force after twenty seconds."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def _end(self, number: int) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            self.process.wait(20)


class Database:
    """A PostgreSQL cluster that is stopped the hard way and started again over the same files."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._process: subprocess.Popen[bytes] = cluster.process

    @property
    def runs(self) -> bool:
        """Whether the server's process is there."""
        return self._process.poll() is None

    def stop_at_once(self) -> None:
        """As `pg_ctl stop -m immediate`: no checkpoint, every connection cut; the next start recovers."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def start(self) -> None:
        """Start it over the same files; returns when it answers."""
        log = self.cluster.folder / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "QUIT", *self._as_server(), *map(str, self._arguments())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.cluster.folder,
                start_new_session=True,
            )
        wait_until_ready(Cluster(self.cluster.url, self.cluster.folder, self._process), log)

    def remove(self) -> None:
        """Stop it and remove its files."""
        if self.runs:
            self.stop_at_once()
        shutil.rmtree(self.cluster.folder, ignore_errors=True)

    def _arguments(self) -> Sequence[str]:
        arguments = self.cluster.process.args
        assert isinstance(arguments, list)
        return arguments

    def _as_server(self) -> list[str]:
        user = server_user()
        if user is None:
            return []
        known = pwd.getpwnam(user)
        return ["--reuid", str(known.pw_uid), "--regid", str(known.pw_gid), "--clear-groups"]
