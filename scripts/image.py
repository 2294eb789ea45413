"""Replay the Dockerfile where no engine is: every RUN and COPY in a root of its own, then the service in it.

Needs Linux, root and debootstrap. What a registry would give, the base image, is stood in for by a fresh Debian of
the same release with a Python put into /usr/local; what differs from a real build is printed at the end.
The container is a process in name spaces of its own: read-only root, no capabilities, the image's user, no network
but its own loopback.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.image_container import try_container  # noqa: E402 (the checkout, before anything installed)
from scripts.image_recipe import Image, Step, build, read_recipe  # noqa: E402

# What the base image has beside Debian's minimum: the libraries that a Python of python.org's images links to.
PACKAGES = "ca-certificates,libbz2-1.0,libffi8,liblzma5,libreadline8,libsqlite3-0,libssl3,libuuid1"
PACKAGES += ",netbase,tzdata,zlib1g"
SYSTEM = Path("/usr")
MIRROR = "http://deb.debian.org/debian"
# How this machine reaches the registries; an engine passes such things by build arguments.
PASSED: tuple[str, ...] = (
    "PIP_CERT",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_INDEX_URL",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
)
PASSED += ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
DIFFERENCES = """What was not run as an engine runs it:
- The base image was not fetched: {base} stood in for {image}, with Python {python}.
- No layers: each stage is one folder; whether layers are kept between builds was not tried.
- STOPSIGNAL, EXPOSE and VOLUME were read and followed by this script, not by an engine.
- Only this machine's processor architecture."""


def make_base(folder: Path, release: str, python: Path) -> None:
    """A Debian of `release` in `folder` with the Python of the prefix `python`; /usr means Debian's own."""
    own = python == SYSTEM
    packages = f"{PACKAGES},python3,python3-venv" if own else PACKAGES
    command = ["debootstrap", "--variant=minbase", f"--include={packages}", release, str(folder), MIRROR]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise SystemExit(f"image: debootstrap failed: {made.stdout[-2000:]}")
    programs = folder / "usr/local/bin"
    if not own:
        shutil.copytree(python, folder / "usr/local", symlinks=True, dirs_exist_ok=True)
    name = "/usr/bin/python3" if own else min(programs.glob("python3.??")).name
    for link in ("python", "python3"):
        (programs / link).unlink(missing_ok=True)
        (programs / link).symlink_to(name)
    subprocess.run(["chroot", str(folder), "ldconfig"], check=True)


def give_network(root: Path, passed: dict[str, str]) -> None:
    """Name resolution and certificates of this machine for a stage that fetches."""
    for name in ("/etc/resolv.conf", "/etc/hosts", *passed.values()):
        if name.startswith("/") and Path(name).is_file():
            goal = root / name.lstrip("/")
            goal.parent.mkdir(parents=True, exist_ok=True)
            goal.unlink(missing_ok=True)
            shutil.copyfile(name, goal)


def enter(root: Path, argv: list[str], environment: dict[str, str], user: str, folder: str) -> None:
    """Run a step in `root` with a /proc and /dev of its own. CalledProcessError when it fails."""
    identity = user if ":" in user else f"{user}:{user}"
    inside = ["chroot", f"--userspec={identity}", str(root), "/usr/bin/env", "-i"]
    inside += [f"{name}={value}" for name, value in environment.items()]
    inside += ["/bin/sh", "-c", f"cd {shlex.quote(folder)} && exec {shlex.join(argv)}"]
    mounts = (
        f"mount --make-rprivate / && mkdir -p {root}/proc {root}/dev"
        f" && mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev && exec "
    )
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    subprocess.run([*command, "sh", "-c", mounts + shlex.join(inside)], check=True)


def replay(recipe: list[Step], base: Path, work: Path) -> Image:
    """Every stage of the recipe as a folder below `work`; the last one."""
    passed = {name: os.environ[name] for name in PASSED if os.environ.get(name)}
    if "PIP_CERT" in passed:
        passed.setdefault("SSL_CERT_FILE", passed["PIP_CERT"])

    def start(_image: str, root: Path) -> None:
        print(f"image: a stage begins in {root.name}", flush=True)
        subprocess.run(["cp", "-a", f"{base}/.", str(root)], check=True)
        give_network(root, passed)

    def run(image: Image, argv: list[str]) -> None:
        print(f"image: RUN {argv[-1][:100]}", flush=True)
        enter(image.root, argv, image.environment | passed, image.user, image.folder)

    return build(recipe, context=ROOT, work=work, start=start, run=run)


def python_version(image: Image) -> str:
    """The version of the Python that the image's environment runs."""
    command = ["chroot", str(image.root), "/opt/gridgov/bin/python", "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]


def main() -> int:
    """Replay, try the container, print what was found; 0 when all of it held."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--base", type=Path, help="a root to use as base image instead of a fresh Debian")
    parser.add_argument("--python", type=Path, help="prefix of the Python that goes into /usr/local")
    parser.add_argument("--work", type=Path, help="keep the roots here; removed otherwise")
    parser.add_argument("--only-container", action="store_true", help="use the last stage that --work has")
    arguments = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        print("image: needs root and debootstrap (apt-get install debootstrap)", file=sys.stderr)
        return 2
    recipe = read_recipe((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    image_name = next(step for step in recipe if step.word == "ARG").rest.partition("=")[2]
    release = image_name.rpartition("-")[2]
    python = arguments.python or Path(sys.base_prefix)
    with tempfile.TemporaryDirectory(prefix="gridgov-image-") as scratch:
        work = arguments.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        base = arguments.base or work / "base"
        if not base.exists():
            make_base(base, release, python)
        if arguments.only_container:
            recipe = [step for step in recipe if step.word not in ("RUN", "COPY")]
        image = replay(recipe, base, work)
        faults = try_container(image, work)
        version = python_version(image)
    print(DIFFERENCES.format(base=f"a fresh Debian {release}", image=image_name, python=version))
    for fault in faults:
        print(f"image: FAILED: {fault}")
    print("image: all of it held" if not faults else f"image: {len(faults)} of it failed")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
