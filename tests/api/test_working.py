"""Workers and jobs at the command line, as an operator types it, with workers in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from api import working
from gridgov.errors import InvalidValue, JobState, NotFound
from gridgov.models import PARCELS
from tests.api.conftest import Run
from tests.api.test_cli import count, parcels_file

Worker = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploads lie in the test's own folder, and following looks often."""
    monkeypatch.setenv("GRIDGOV_ATTACHMENTS_URL", f"file://{tmp_path}/files")
    monkeypatch.setattr(working, "_LOOK_S", 0.02)


@pytest.fixture
def worker(url: str) -> Iterator[Worker]:
    """Starts `gridgov worker` as a process of its own over the store of the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from api.cli import main; main()", "worker", *words]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ)
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=30)


def interrupted(*_: object) -> None:
    """Ctrl-C as soon as following begins."""
    raise KeyboardInterrupt


def listed(run: Run) -> list[tuple[str, str]]:
    return [(job["kind"], job["state"]) for job in json.loads(run("jobs", "list", "--json").stdout)]


def test_a_file_is_loaded_by_a_worker_and_followed_to_its_end(
    url: str, run: Run, worker: Worker, tmp_path: Path
) -> None:
    file = parcels_file(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        followed = pool.submit(run, "import", file, "--layer", "parcels", "--background", "--json")
        process = worker()
        told = json.loads(followed.result(60).stdout)
    assert (told["state"], told["result"]["outcome"], told["result"]["counts"]["created"]) == (
        "done",
        "loaded",
        2,
    )
    assert count(url, PARCELS) == 2
    assert listed(run) == [("import_load", "done")]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    shown = run("jobs", "show", told["id"])
    assert "import_load" in shown.stdout
    assert "2 new" in shown.stdout
    with pytest.raises(JobState, match="over"):
        run("jobs", "cancel", told["id"])


def test_a_check_in_the_background_writes_nothing_and_a_faulty_file_ends_with_exit_code_1(
    url: str, run: Run, tmp_path: Path, worker: Worker
) -> None:
    worker()
    told = run("import", parcels_file(tmp_path), "--layer", "parcels", "--background", "--dry-run", "--json")
    assert json.loads(told.stdout)["result"]["outcome"] == "dry_run"
    refused = run("import", parcels_file(tmp_path, 进度="快好了"), "--layer", "parcels", "--background")
    assert refused.exit_code == 1
    assert "nothing was loaded" in refused.stdout
    assert count(url, PARCELS) == 0
    assert listed(run) == [("import_load", "failed"), ("import_check", "done")]


def test_a_job_that_nobody_runs_waits_is_cancelled_and_once_runs_what_is_due(
    url: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "_follow", interrupted)
    file = parcels_file(tmp_path)
    for _ in range(2):
        left = run("import", file, "--layer", "parcels", "--background")
        assert "It goes on by itself" in left.stdout
    first = left.stdout.split("jobs show ")[1].split("`")[0]
    assert run("jobs", "cancel", first).stdout.strip() == f"Cancelled {first}."
    assert listed(run) == [("import_load", "cancelled"), ("import_load", "waiting")]
    assert "job(s) were due" in run("worker", "--once").stdout
    assert listed(run) == [("import_load", "cancelled"), ("import_load", "done")]
    assert count(url, PARCELS) == 2
    service = json.loads(run("jobs", "list", "--service", "--json").stdout)
    assert {(job["kind"], job["state"]) for job in service} == {
        ("expired_sessions", "done"),
        ("old_jobs", "done"),
        ("old_uploads", "done"),
        ("ownerless_words", "done"),
        ("unnamed_photos", "done"),
    }
    assert "cancelled" in run("jobs", "list", "--state", "cancelled").stdout


@contextmanager
def told_to_stop_at_once(*_: object) -> Iterator[threading.Event]:
    """As if SIGTERM came while the worker started."""
    told = threading.Event()
    told.set()
    yield told


@pytest.mark.parametrize(
    ("setting", "words", "number"), [("3", (), 3), ("0", (), 1), ("3", ("--threads", "2"), 2)]
)
def test_a_worker_runs_as_many_jobs_at_once_as_the_settings_say_unless_told_otherwise(
    setting: str, words: tuple[str, ...], number: int, url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert url
    monkeypatch.setenv("GRIDGOV_JOB_THREADS", setting)
    monkeypatch.setattr(working, "_told_to_stop", told_to_stop_at_once)
    assert f"in {number} thread(s)" in run("worker", *words).stdout


def test_files_that_belong_together_and_files_that_are_not_there_are_refused(
    url: str, run: Run, tmp_path: Path
) -> None:
    assert url
    (tmp_path / "parcels.shp").touch()
    for name, problem in (("parcels.shp", InvalidValue), ("absent.geojson", NotFound)):
        with pytest.raises(problem):
            run("import", tmp_path / name, "--layer", "parcels", "--background")
    assert listed(run) == []
    assert run("jobs", "list", "--state", "asleep").exit_code == 2


@pytest.mark.slow
def test_many_workers_run_each_job_once(
    url: str, run: Run, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "_follow", interrupted)
    for number in range(8):
        file = parcels_file(tmp_path)
        content = json.loads(file.read_text(encoding="utf-8"))
        content["features"] = content["features"][:1]
        content["features"][0]["properties"]["编号"] = f"DK-{number}"
        file.write_text(json.dumps(content), encoding="utf-8")
        run("import", file, "--layer", "parcels", "--background")
    workers = [worker("--once") for _ in range(3)]
    told = [process.communicate(timeout=120)[0] for process in workers]
    assert [process.returncode for process in workers] == [0, 0, 0], told
    found = json.loads(run("jobs", "list", "--json").stdout)
    assert [(job["state"], job["attempts"]) for job in found] == [("done", 1)] * 8
    assert count(url, PARCELS) == 8
