"""Write requirements/*.lock from pyproject.toml: exact versions with the hashes of every archive.

`make lock` runs it after a bound in pyproject.toml changed; `--upgrade` takes the newest versions
inside the bounds, NAME makes one lock only.
The locks name no index and no folder, so they install from whatever registry pip is set to.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"

# What the tests compare the GCJ-02 and BD-09 conversions with. coord-convert declares fiona, and with it a
# second GDAL, for its command line only; the conversions need none of it: these two install with --no-deps.
# prcoords exists as a source archive only and is built by the setuptools of dev.lock.
WITNESSES = ["coord-convert>=0.2.1,<1", "prcoords>=1.0.2,<2"]


def wanted() -> dict[str, list[str]]:
    """Requirement lines per lock file, in the order in which the locks are made."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    build = project["build-system"]["requires"]
    application = project["project"]["dependencies"]
    extras = [line for lines in project["project"]["optional-dependencies"].values() for line in lines]
    return {
        "app": [*application, *build],
        "image": [*application, *build, *extras],
        "dev": [*application, *build, *extras, *groups["test"], *groups["lint"], "setuptools"],
        "node": groups["node"],
        "witness": WITNESSES,
    }


def only(lock: str, names: list[str]) -> str:
    """The entries of `names` out of a lock text; an entry is a pin and its indented hash lines."""
    entries = re.findall(r"^[a-z0-9].*(?:\n .*)*\n", lock, flags=re.MULTILINE)
    return "".join(entry for entry in entries if entry.partition("==")[0] in names)


def compile_lock(name: str, lines: list[str], *, upgrade: bool, constraint: Path | None) -> None:
    """Resolve `lines` and write requirements/NAME.lock; CalledProcessError when pip finds no solution."""
    target = FOLDER / f"{name}.lock"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{name}.in"
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        draft = Path(folder) / target.name
        if target.exists() and not upgrade:
            draft.write_text(target.read_text(encoding="utf-8"), encoding="utf-8")
        options = ["--generate-hashes", "--allow-unsafe", "--strip-extras", "--no-header", "--no-annotate"]
        options += [
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--no-emit-trusted-host",
            "--no-emit-options",
        ]
        options += ["--quiet", "--upgrade" if upgrade else "--no-upgrade", f"--output-file={draft}"]
        options += [f"--constraint={constraint}"] if constraint else []
        command = [sys.executable, "-m", "piptools", "compile", *options, str(source)]
        # A find-links folder of one machine must not decide what everybody else installs.
        environment = {key: value for key, value in os.environ.items() if key != "PIP_FIND_LINKS"}
        subprocess.run(command, check=True, env=environment)
        body = draft.read_text(encoding="utf-8")
    if name == "witness":
        body = only(body, ["coord-convert", "prcoords"])
    head = f"# Made by scripts/lock.py from pyproject.toml ({name}): change the bounds there, `make lock`.\n"
    target.write_text(head + body.removeprefix(head), encoding="utf-8")


def main() -> None:
    """Make every lock, image and dev constrained by app so that all hold the same versions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions inside the bounds")
    parser.add_argument("names", nargs="*", help="locks to make; all when none is named")
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for name, lines in wanted().items():
        if arguments.names and name not in arguments.names:
            continue
        constraint = FOLDER / {"image": "app.lock", "dev": "image.lock"}.get(name, "")
        compile_lock(
            name, lines, upgrade=arguments.upgrade, constraint=constraint if constraint.is_file() else None
        )
        print(f"requirements/{name}.lock")


if __name__ == "__main__":
    main()
