"""Run a replayed image as an engine would with --read-only --tmpfs /tmp --cap-drop ALL, and look at what it does."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.image_recipe import Image

START_SECONDS, STOP_SECONDS = 60, 30


@dataclass(frozen=True)
class Container:
    """A process in name spaces of its own. init: its first process as this machine counts it, 0 when it has ended."""

    image: Image
    outer: subprocess.Popen[str]
    init: int
    environment: dict[str, str]

    def execute(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        """Run another command inside, as `docker exec` does."""
        spaces = ["nsenter", f"--target={self.init}", "--mount", "--pid", "--net"]
        command = [*spaces, *_inside(self.image, self.environment, argv)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def stop(self) -> int:
        """Send the stop signal to the first process and wait; its exit code. TimeoutExpired when it will not end."""
        if not self.init:
            raise RuntimeError("the container has ended already")
        os.kill(self.init, signal.Signals[self.image.stop_signal])
        self.outer.wait(STOP_SECONDS)
        return self.outer.returncode


def _inside(image: Image, environment: dict[str, str], argv: list[str]) -> list[str]:
    """A command in the root as the image's user, without any capability and without a way to get one."""
    identity = [f"--reuid={image.user}", f"--regid={image.user}", "--clear-groups", "--no-new-privs"]
    command = ["chroot", str(image.root), "/usr/bin/setpriv", *identity, "--bounding-set=-all"]
    command += ["/usr/bin/env", "-i", f"--chdir={image.folder}"]
    return [*command, *(f"{name}={value}" for name, value in environment.items()), *argv]


@contextmanager
def started(
    image: Image, volume: Path, argv: list[str], given: dict[str, str], log: Path
) -> Iterator[Container]:
    """The image with `argv` as its command; killed at the end if it still runs."""
    environment = image.environment | given
    root = shlex.quote(str(image.root))
    mounts = [
        "mount --make-rprivate /",
        f"mkdir -p {root}/proc {root}/dev {root}/tmp",  # noqa: S108  the container's own
        f"mount --bind {root} {root}",
        *(f"mount --bind {shlex.quote(str(volume))} {root}{path}" for path in image.volumes),
        f"mount -t proc proc {root}/proc",
        f"mount --rbind /dev {root}/dev",
        f"mount -o remount,bind,ro {root}",
        f"mount -t tmpfs -o mode=1777,size=1g tmpfs {root}/tmp",  # noqa: S108  as above
        "ip link set lo up",
        f"exec {shlex.join(_inside(image, environment, [*image.entrypoint, *argv]))}",
    ]
    command = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-c"]
    with log.open("a", encoding="utf-8") as output:
        outer = subprocess.Popen(
            [*command, " && ".join(mounts)], stdout=output, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield Container(image, outer, _first_child(outer), environment)
        finally:
            outer.kill()
            outer.wait()


def _first_child(outer: subprocess.Popen[str]) -> int:
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    for _ in range(200):
        found = children.read_text(encoding="utf-8").split() if children.exists() else []
        if found:
            return int(found[0])
        if outer.poll() is not None:
            return 0
        time.sleep(0.02)
    raise RuntimeError("the container did not start")


def try_container(image: Image, work: Path) -> list[str]:
    """Make a store, serve it, ask the health check, try to write elsewhere, stop. What did not hold, in words."""
    volume, log = work / "volume", work / "container.log"
    shutil.rmtree(volume, ignore_errors=True)
    shutil.copytree(image.root / image.volumes[0].lstrip("/"), volume)
    for path in (volume, *volume.rglob("*")):
        os.chown(path, int(image.user), int(image.user))
    given = {"GRIDGOV_SECRET": secrets.token_urlsafe(48)}
    faults = _ends(image, volume, ["gridgov", "serve"], {}, log, wanted=1, words="GRIDGOV_SECRET")
    faults += _ends(
        image, volume, ["gridgov", "init", "--zone", "trial", "--name", "试验区"], given, log, wanted=0
    )
    if not faults:
        with started(image, volume, list(image.command), given, log) as container:
            faults += _look_at(container)
    return [*faults, *_traces(log)]


def _ends(
    image: Image,
    volume: Path,
    argv: list[str],
    given: dict[str, str],
    log: Path,
    *,
    wanted: int,
    words: str = "",
) -> list[str]:
    before = log.stat().st_size if log.exists() else 0
    with started(image, volume, argv, given, log) as container:
        code = container.outer.wait(START_SECONDS)
    said = log.read_text(encoding="utf-8")[before:]
    print(f"image: {shlex.join(argv)}: exit code {code}", flush=True)
    if code != wanted or words not in said:
        return [f"{shlex.join(argv)} ended with {code}, not {wanted}: {said[-1500:]}"]
    return []


def _look_at(container: Container) -> list[str]:
    begun = time.monotonic()
    while (check := container.execute(list(container.image.health))).returncode:
        if container.outer.poll() is not None or time.monotonic() - begun > START_SECONDS:
            return [f"the health check never passed: {check.stderr[-500:]}"]
        time.sleep(0.1)
    print(f"image: the health check passed after {time.monotonic() - begun:.1f} s", flush=True)
    faults = []
    for probe, wanted in PROBES:
        answer = container.execute(["/bin/sh", "-c", probe])
        print(f"image: {probe}: {answer.stdout.strip()[-300:] or answer.returncode}", flush=True)
        if answer.stdout.strip().splitlines()[-1:] != [wanted]:
            faults.append(f"{probe}: {answer.stdout.strip()[-600:]} {answer.stderr[-600:]}, not {wanted}")
    begun = time.monotonic()
    code = container.stop()
    print(
        f"image: stopped by {container.image.stop_signal} in {time.monotonic() - begun:.1f} s, exit code {code}"
    )
    return faults if code == 0 else [*faults, f"the service ended with {code} when it was asked to stop"]


FONT = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
DRAWS_CHINESE = shlex.join(
    [
        "python",
        "-c",
        f"from PIL import ImageFont; print(ImageFont.truetype('{FONT}', 16, index=2).getname()[0])",
    ]
)
# What is asked inside the running container, and the last line of the answer.
PROBES = (
    ("id -u", "10001"),
    ("touch /opt/gridgov/x /usr/x /x 2>/dev/null; ls /opt/gridgov/x /usr/x /x 2>/dev/null | wc -l", "0"),
    ("touch /tmp/x /var/lib/gridgov/x && rm /tmp/x /var/lib/gridgov/x && echo written", "written"),
    ("grep CapEff /proc/self/status | tr -d '[:space:]'", "CapEff:0000000000000000"),
    # The kernels were loaded, not compiled: the cache holds what the image brought and nothing more.
    ('diff -rq /opt/gridgov/kernels "$NUMBA_CACHE_DIR" && echo same', "same"),
    ("stat -c %a /var/lib/gridgov/gridgov.private.sqlite", "600"),
    (
        "gridgov check >/tmp/check 2>&1; code=$?; grep -v ^good /tmp/check; rm /tmp/check; echo code $code",
        "code 0",
    ),
    (DRAWS_CHINESE, "Noto Sans CJK SC"),
)


def _traces(log: Path) -> list[str]:
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return [f"a traceback in the log: {text[-1500:]}"] if "Traceback" in text else []
