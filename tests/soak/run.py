"""One soak: eight clients write, the service or its database is killed again and again, and the store is examined."""

from __future__ import annotations

import datetime as dt
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import GridgovError
from gridgov.store import open_store
from tests.soak.clients import Client, Connection, Gate
from tests.soak.invariants import Finding, examine
from tests.soak.journal import Journal, read_journals
from tests.soak.serving import GRIDGOV, Database, Service
from tests.soak.writers import Issues, Parcels, Publications, Writer
from tests.soak.zone import prepare
from tests.throwaway_postgres import TEMPLATE, administration, with_database
from tests.throwaway_postgres import start as start_cluster

ISSUE_WRITERS = 6
_WRITING_SECONDS = (0.15, 0.9)  # between two kills
_BACK_SECONDS = 120.0  # a crowded machine starts slowly; the table says how long it took
_PATIENCE_SECONDS = 120.0  # for each client's first acknowledged write after the last kill


@dataclass
class Outcome:
    """What a soak came to. recoveries: seconds until the service could serve again, after each kill."""

    name: str
    seed: str
    kills: int = 0
    acknowledged: int = 0
    told: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def number(self, rule: str) -> int:
        """How many findings of one rule there are."""
        return sum(finding.rule == rule for finding in self.findings)


class Soak:
    """A prepared store with a running service and its clients; `round` is one kill."""

    def __init__(
        self,
        name: str,
        url: str,
        folder: Path,
        seed: str,
        *,
        program: Sequence[str] = GRIDGOV,
        settings: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> None:
        self.url = url
        self.outcome = Outcome(name, seed)
        self.random = random.Random(seed)  # noqa: S311  the same run again from the same seed
        self.folder = folder / "journals"
        self.folder.mkdir()
        prepare(url, _now())
        self.service = Service(url, folder, program=program, settings=settings, before=before)
        self.blobs = FolderBlobs(folder / "files")
        self.gate = Gate()
        self.connections: list[Connection] = []
        self.journals: list[Journal] = []
        self.clients = [self._client(number) for number in range(ISSUE_WRITERS + 2)]

    def _client(self, number: int) -> Client:
        connection = Connection(self.service.port, self.gate, self.outcome.told)
        journal = Journal(self.folder / f"{number}.jsonl")
        self.journals.append(journal)
        seed = f"{self.outcome.seed}/{number}"
        writer: Writer
        if number < ISSUE_WRITERS:
            writer = Issues(connection, journal, seed, self.outcome.told)
        elif number == ISSUE_WRITERS:
            writer = Parcels(connection, journal, seed, self.outcome.told)
        else:
            writer = Publications(connection, journal, self.outcome.told)
        self.connections.append(connection)
        return Client(f"client {number}", writer.act)

    def run(self, kills: int, kill: Callable[[Soak], float], until: float = math.inf) -> Outcome:
        """Write and kill `kills` times, then write a little more and look once again; everything is stopped after.

        until: reading of the monotonic clock after which no further kill is begun; fewer than wanted are a
        finding.
        """
        started = time.monotonic()
        try:
            self.service.start()
            self.service.wait()
            self.gate.open()
            for connection in self.connections:
                connection.sign_in()
            for client in self.clients:
                client.start()
            for _ in range(kills):
                if time.monotonic() > until or not self._round(kill):
                    break
            self._write_on()
            self._hold()
            self._examine()
            if self.outcome.kills < kills:
                self._tell("kills", f"there were {self.outcome.kills} kills of the {kills} that were wanted")
        finally:
            self.gate.end()
            for client in self.clients:
                if client.is_alive():
                    client.join(60)
            self._hear()
            for connection in self.connections:
                connection.close()
            for journal in self.journals:
                journal.close()
            self.service.stop()
        self.outcome.seconds = time.monotonic() - started
        return self.outcome

    def _round(self, kill: Callable[[Soak], float]) -> bool:
        """One kill and what follows; False when there is no use in going on."""
        self._write()
        since = kill(self)
        self.outcome.kills += 1
        self._hold()
        back = self._wait_until_back()
        self.outcome.recoveries.append(time.monotonic() - since)
        if not back:
            self._tell("recovery", f"the service did not come back within {_BACK_SECONDS:.0f} s")
        self._examine()
        return back and not self.outcome.findings and any(client.is_alive() for client in self.clients)

    def _write(self) -> None:
        self.gate.open()
        time.sleep(self.random.uniform(*_WRITING_SECONDS))

    def _write_on(self) -> None:
        """Write until every client had something acknowledged, after the last kill: a service that is back writes."""
        before = [journal.acknowledged for journal in self.journals]
        deadline = time.monotonic() + _PATIENCE_SECONDS
        self._write()
        while waiting := [
            client.name
            for client, journal, number in zip(self.clients, self.journals, before, strict=True)
            if client.is_alive() and journal.acknowledged == number
        ]:
            if time.monotonic() > deadline:
                names = ", ".join(waiting)
                self._tell("recovery", f"{names}: nothing acknowledged for {_PATIENCE_SECONDS:.0f} s")
                return
            time.sleep(0.02)

    def _hold(self) -> None:
        if not self.gate.close():
            self._tell("hanging", "a request had no answer for a minute")

    def _wait_until_back(self) -> bool:
        deadline = time.monotonic() + _BACK_SECONDS
        while time.monotonic() < deadline:
            if self.service.status() == 200:
                return True
            time.sleep(0.02)
        return False

    def _hear(self) -> None:
        """Take down why clients ended."""
        for client in self.clients:
            while client.violations:
                self._tell("answer", client.violations.pop())

    def _examine(self) -> None:
        dead = [client.name for client in self.clients if not client.is_alive()]
        self._hear()
        if dead:
            self._tell("answer", f"{', '.join(dead)} ended before the run did")
        expected = read_journals(self.folder)
        self.outcome.acknowledged = expected.acknowledged
        store = open_store(self.url)
        try:
            self.outcome.findings += examine(store, expected, self.blobs, _now())
        except GridgovError as error:
            self._tell("files", f"the store cannot be examined: {error.message}")
        finally:
            store.close()

    def _tell(self, rule: str, words: str) -> None:
        self.outcome.findings.append(Finding(rule, words))


def kill_service(soak: Soak) -> float:
    """SIGKILL for the service with all its workers, then start it again; now and then it is killed while it starts.

    Gives the instant of the kill, from which the recovery is counted.
    """
    since = time.monotonic()
    soak.service.kill()
    soak.service.start()
    if soak.random.random() < 0.1:
        time.sleep(soak.random.uniform(0.2, 2.0))
        since = time.monotonic()
        soak.service.kill()
        soak.service.start()
    return since


def stop_database(database: Database) -> Callable[[Soak], float]:
    """Stop PostgreSQL at once while the service goes on, and start it after a while.

    The recovery is counted from the instant at which the database answers again.
    """

    def kill(soak: Soak) -> float:
        database.stop_at_once()
        time.sleep(soak.random.uniform(0.1, 1.0))
        database.start()
        return time.monotonic()

    return kill


def durable_database() -> Database:
    """A new PostgreSQL cluster that flushes what it commits, with the means to check its indexes."""
    cluster = start_cluster(durable=True)
    with administration(with_database(cluster.url, TEMPLATE)) as cursor:
        cursor.execute("CREATE EXTENSION amcheck")
    return Database(cluster)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
