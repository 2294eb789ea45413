"""Read a Dockerfile and follow it step by step into plain folders; a word it cannot follow is refused."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

NAME = r"[A-Za-z_][A-Za-z0-9_]*"


class BadRecipe(ValueError):
    """The recipe has a step that cannot be read or followed."""


@dataclass(frozen=True)
class Step:
    """One instruction: its word in capitals, its --flags, and the rest as it is written."""

    word: str
    rest: str
    flags: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str] | None:
        """The JSON form as a list; None when it is written in shell form."""
        if not self.rest.startswith("["):
            return None
        try:
            read = json.loads(self.rest)
        except json.JSONDecodeError as error:
            raise BadRecipe(f"{self.word} {self.rest}: not a JSON list ({error})") from error
        return [str(each) for each in read]


@dataclass
class Image:
    """One stage under way or done: its root folder and what its steps have set."""

    root: Path
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    )
    user: str = "0"
    folder: str = "/"
    volumes: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"

    def inside(self, path: str) -> Path:
        """A path of the image, relative ones from its WORKDIR, as a path of this machine."""
        return self.root / (Path(self.folder) / path).as_posix().lstrip("/")


def read_recipe(text: str) -> list[Step]:
    """The steps of a Dockerfile; comments left out, continued lines joined. Raises BadRecipe for an unknown word."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    steps = []
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        flags: dict[str, str] = {}
        while match := re.match(r"--([a-z-]+)=(\S+)\s+", rest := rest.strip()):
            flags[match[1]] = match[2]
            rest = rest[match.end() :]
        if word.upper() not in {*FOLLOWED, "ARG", "FROM", "RUN"}:
            raise BadRecipe(f"{word}: this script cannot follow it")
        steps.append(Step(word.upper(), rest, flags))
    return steps


def expand(text: str, values: Mapping[str, str]) -> str:
    """`text` with $NAME and ${NAME} replaced; an unknown name gives nothing, as an engine does."""
    return re.sub(rf"\$(?:\{{({NAME})\}}|({NAME}))", lambda found: values.get(found[1] or found[2], ""), text)


Start = Callable[[str, Path], None]
Run = Callable[[Image, list[str]], None]


def build(recipe: list[Step], *, context: Path, work: Path, start: Start, run: Run) -> Image:
    """Follow the recipe; gives the last stage.

    start: fills the empty root of a stage from the image of that name. run: runs a command in a stage. Stages lie in
    work/stage-0, work/stage-1 …; a root that is there already is used as it is.
    """
    arguments: dict[str, str] = {}
    stages: dict[str, Image] = {}
    image: Image | None = None
    for step in recipe:
        if step.word == "ARG":
            name, _, default = step.rest.partition("=")
            arguments[name] = default
        elif step.word == "FROM":
            name, _, label = expand(step.rest, arguments).partition(" AS ")
            image = _stage(name, work / f"stage-{len(stages)}", stages, start)
            stages[label or str(len(stages))] = image
        elif image is None:
            raise BadRecipe(f"{step.word} stands before the first FROM")
        elif step.word == "RUN":
            run(image, step.words or ["/bin/sh", "-c", step.rest])
        elif step.word == "COPY":
            source = stages[step.flags["from"]].root if "from" in step.flags else context
            copy(step, image, source, ignored=None if "from" in step.flags else ignore_rules(context))
        else:
            FOLLOWED[step.word](step, image)
    if image is None:
        raise BadRecipe("there is no FROM")
    return image


def _stage(name: str, root: Path, stages: Mapping[str, Image], start: Start) -> Image:
    if name in stages:
        raise BadRecipe(f"FROM {name}: a stage on top of another is not followed")
    if not root.exists():
        root.mkdir(parents=True)
        start(name, root)
    return Image(root)


def ignore_rules(context: Path) -> list[tuple[bool, str]]:
    """The lines of .dockerignore as (brings back, pattern), in order."""
    path = context / ".dockerignore"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [(rule.startswith("!"), rule.removeprefix("!").strip("/")) for rule in rules]


def is_ignored(path: str, rules: list[tuple[bool, str]]) -> bool:
    """Whether the last rule that meets `path`, or a folder above it, leaves it out."""
    parts = path.split("/")
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    left_out = False
    for brings_back, pattern in rules:
        if any(_meets(each, pattern) for each in above):
            left_out = not brings_back
    return left_out


def _meets(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatchcase(path.rpartition("/")[2], pattern[3:]) or fnmatchcase(path, pattern[3:])
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


def copy(step: Step, image: Image, source: Path, ignored: list[tuple[bool, str]] | None) -> None:
    """COPY: files to a path or into a folder, folders by their content. Raises BadRecipe when a source is missing."""
    *names, goal_name = shlex.split(expand(step.rest, image.environment))
    into_folder = goal_name.endswith("/") or goal_name in (".", "./") or len(names) > 1
    goal = image.inside(goal_name)
    for name in names:
        path = source / name.strip("/")
        if not path.exists() or (ignored and path.is_file() and is_ignored(name.strip("/"), ignored)):
            raise BadRecipe(f"COPY {name}: not there, or left out by .dockerignore")
        if path.is_file():
            target = goal / path.name if into_folder else goal
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        else:
            shutil.copytree(
                path, goal, symlinks=True, dirs_exist_ok=True, ignore=_left_out(source, ignored or [])
            )


def _left_out(source: Path, rules: list[tuple[bool, str]]) -> Callable[[str, list[str]], set[str]]:
    def choose(folder: str, names: list[str]) -> set[str]:
        below = Path(folder).relative_to(source)
        return {name for name in names if rules and is_ignored((below / name).as_posix(), rules)}

    return choose


def _environment(step: Step, image: Image) -> None:
    before = dict(image.environment)  # names of the same line have their old values
    for pair in shlex.split(step.rest):
        name, separator, value = pair.partition("=")
        if not separator or not re.fullmatch(NAME, name):
            raise BadRecipe(f"ENV {pair}: write NAME=value")
        image.environment[name] = expand(value, before)


def _work_folder(step: Step, image: Image) -> None:
    image.folder = (Path(image.folder) / expand(step.rest, image.environment)).as_posix()
    image.inside(".").mkdir(parents=True, exist_ok=True)


def _user(step: Step, image: Image) -> None:
    image.user = expand(step.rest, image.environment)


def _volumes(step: Step, image: Image) -> None:
    image.volumes += tuple(step.words or shlex.split(step.rest))


def _command(step: Step, image: Image) -> None:
    image.command = tuple(step.words or ["/bin/sh", "-c", step.rest])


def _entrypoint(step: Step, image: Image) -> None:
    image.entrypoint = tuple(step.words or ["/bin/sh", "-c", step.rest])
    image.command = ()


def _health(step: Step, image: Image) -> None:
    told = replace(step, rest=step.rest.removeprefix("CMD").strip())
    image.health = tuple(told.words or ["/bin/sh", "-c", told.rest])


def _stop_signal(step: Step, image: Image) -> None:
    image.stop_signal = step.rest


def _expose(step: Step, image: Image) -> None:
    """Says what listens; changes nothing."""
    if not re.fullmatch(r"\d+(/tcp|/udp)?", expand(step.rest, image.environment)):
        raise BadRecipe(f"EXPOSE {step.rest}: not a port")


FOLLOWED: Mapping[str, Callable[[Step, Image], None]] = {
    "COPY": lambda _step, _image: None,
    "ENV": _environment,
    "WORKDIR": _work_folder,
    "USER": _user,
    "VOLUME": _volumes,
    "CMD": _command,
    "ENTRYPOINT": _entrypoint,
    "HEALTHCHECK": _health,
    "STOPSIGNAL": _stop_signal,
    "EXPOSE": _expose,
}
