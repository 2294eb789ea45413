"""The replay of the Dockerfile: each instruction does to a folder what an engine would do to an image."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.image import enter
from scripts.image_container import started
from scripts.image_recipe import (
    BadRecipe,
    Image,
    Step,
    build,
    copy,
    expand,
    ignore_rules,
    is_ignored,
    read_recipe,
)

ROOT = Path(__file__).resolve().parent.parent
as_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="only root may change its root folder"
)


def follow(text: str, tmp_path: Path, ran: list[tuple[str, list[str]]] | None = None) -> Image:
    """The last stage of a recipe whose RUN steps are written down, not run."""

    def run(image: Image, argv: list[str]) -> None:
        if ran is not None:
            ran.append((image.user, argv))

    def start(name: str, root: Path) -> None:
        (root / "from").write_text(name, encoding="utf-8")

    context = tmp_path / "context"
    context.mkdir(exist_ok=True)
    return build(
        read_recipe(text),
        context=context,
        work=tmp_path / "work",
        start=start,
        run=run,
    )


class TestReading:
    def test_comments_go_and_continued_lines_join(self) -> None:
        [step] = read_recipe("# a remark\nRUN one \\\n # between\n && two\n")
        assert step == Step("RUN", "one  && two")

    def test_flags_stand_apart(self) -> None:
        [step] = read_recipe("COPY --from=build --chown=1 /a /b/")
        assert (step.flags, step.rest) == ({"from": "build", "chown": "1"}, "/a /b/")

    @pytest.mark.parametrize(
        ("text", "words"), [('CMD ["gridgov", "serve"]', ["gridgov", "serve"]), ("CMD gridgov serve", None)]
    )
    def test_the_two_forms_of_a_command(self, text: str, words: list[str] | None) -> None:
        assert read_recipe(text)[0].words == words

    @pytest.mark.parametrize("text", ["ADD x /x", "ONBUILD RUN x", "HELLO"])
    def test_what_the_replay_cannot_follow_is_refused(self, text: str) -> None:
        with pytest.raises(BadRecipe):
            read_recipe(text)

    def test_a_broken_json_form_is_refused(self) -> None:
        with pytest.raises(BadRecipe, match="JSON"):
            assert read_recipe('CMD ["gridgov",]')[0].words

    def test_the_projects_own_recipe_is_read(self) -> None:
        recipe = read_recipe((ROOT / "Dockerfile").read_text(encoding="utf-8"))
        assert [step.word for step in recipe].count("FROM") == 2


class TestFollowing:
    def test_names_are_filled_in_and_unknown_ones_are_empty(self) -> None:
        assert expand("$A/${B}/$C.", {"A": "1", "B": "2"}) == "1/2/."

    def test_a_stage_starts_from_its_image_and_an_argument_names_it(self, tmp_path: Path) -> None:
        image = follow("ARG BASE=debian:12\nFROM ${BASE} AS build\nFROM $BASE\n", tmp_path)
        assert image.root.name == "stage-1"
        assert (image.root / "from").read_text(encoding="utf-8") == "debian:12"

    def test_env_sees_the_values_of_earlier_lines_only(self, tmp_path: Path) -> None:
        image = follow('FROM x\nENV A=1 B="two words"\nENV A=2 C=$A PATH=/opt:$PATH\n', tmp_path)
        assert (image.environment["A"], image.environment["B"], image.environment["C"]) == (
            "2",
            "two words",
            "1",
        )
        assert image.environment["PATH"].startswith("/opt:/usr/local/sbin:")

    def test_run_is_given_the_user_of_its_place(self, tmp_path: Path) -> None:
        ran: list[tuple[str, list[str]]] = []
        follow('FROM x\nRUN a && b\nUSER 10001\nRUN ["c", "d e"]\n', tmp_path, ran)
        assert ran == [("0", ["/bin/sh", "-c", "a && b"]), ("10001", ["c", "d e"])]

    def test_work_folders_are_made_and_add_up(self, tmp_path: Path) -> None:
        image = follow("FROM x\nWORKDIR /a\nWORKDIR b\n", tmp_path)
        assert image.folder == "/a/b"
        assert (image.root / "a" / "b").is_dir()

    def test_what_a_container_is_started_with(self, tmp_path: Path) -> None:
        text = (
            'FROM x\nVOLUME ["/data"]\nEXPOSE 8000\nSTOPSIGNAL SIGINT\nHEALTHCHECK --timeout=3s CMD ["h", "1"]\n'
            'CMD ["forgotten"]\nENTRYPOINT ["e"]\nCMD ["serve"]\n'
        )
        image = follow(text, tmp_path)
        assert (image.volumes, image.stop_signal, image.health) == (("/data",), "SIGINT", ("h", "1"))
        assert (image.entrypoint, image.command) == (("e",), ("serve",))

    @pytest.mark.parametrize("text", ["RUN a\n", "FROM x\nENV A\n", "FROM x\nEXPOSE door\n", ""])
    def test_an_impossible_step_is_refused(self, text: str, tmp_path: Path) -> None:
        with pytest.raises(BadRecipe):
            follow(text, tmp_path)


class TestCopying:
    @pytest.fixture
    def context(self, tmp_path: Path) -> Path:
        folder = tmp_path / "context"
        for name in ("api/app.py", "api/__pycache__/app.pyc", "maps/web/vendor/x.js", "notes.md", "run"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name, encoding="utf-8")
        (folder / "run").chmod(0o755)
        rules = "# only these\n*\n!api\n!maps\n!run\nmaps/web/vendor\n**/__pycache__\n"
        (folder / ".dockerignore").write_text(rules, encoding="utf-8")
        return folder

    def files(self, root: Path) -> set[str]:
        return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}

    def test_a_folder_goes_by_its_content_without_what_is_ignored(
        self, context: Path, tmp_path: Path
    ) -> None:
        image = Image(tmp_path / "root", folder="/source")
        copy(Step("COPY", "api/ api/"), image, context, ignore_rules(context))
        copy(Step("COPY", "maps/ maps/"), image, context, ignore_rules(context))
        assert self.files(image.root) == {"source/api/app.py"}

    def test_a_file_keeps_its_mode_and_goes_into_a_folder_or_under_a_name(
        self, context: Path, tmp_path: Path
    ) -> None:
        image = Image(tmp_path / "root")
        copy(Step("COPY", "run /bin/"), image, context, ignore_rules(context))
        copy(Step("COPY", "run /bin/start"), image, context, ignore_rules(context))
        assert self.files(image.root) == {"bin/run", "bin/start"}
        assert (image.root / "bin/start").stat().st_mode & 0o777 == 0o755

    @pytest.mark.parametrize("rest", ["absent /x", "notes.md /x"])
    def test_a_source_that_is_missing_or_ignored_is_refused(
        self, rest: str, context: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(BadRecipe, match=r"not there"):
            copy(Step("COPY", rest), Image(tmp_path / "root"), context, ignore_rules(context))

    def test_from_another_stage_nothing_is_ignored(self, context: Path, tmp_path: Path) -> None:
        (tmp_path / "work" / "stage-0").mkdir(parents=True)
        (tmp_path / "work" / "stage-0" / "notes.md").touch()
        image = follow("FROM x AS build\nFROM x\nCOPY --from=build /notes.md /kept/\n", tmp_path)
        assert (image.root / "kept" / "notes.md").exists()

    @pytest.mark.parametrize(
        ("path", "ignored"),
        [("notes.md", True), ("api", False), ("api/a/b.py", False), ("api/a/__pycache__/x.pyc", True)],
    )
    def test_the_last_rule_that_meets_wins(self, path: str, ignored: bool, context: Path) -> None:
        assert is_ignored(path, ignore_rules(context)) is ignored


@as_root
class TestEntering:
    @pytest.fixture
    def image(self, tmp_path: Path) -> Image:
        """The smallest root that runs something: a few programs of this machine with the libraries they load."""
        root = tmp_path / "root"
        programs = ["/bin/sh", "/usr/bin/env", "/usr/bin/setpriv", "/usr/bin/id", "/bin/sleep", "/bin/grep"]
        for program in programs:
            told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
            for path in [program, *(word for word in told.split() if word.startswith("/"))]:
                (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, root / path.lstrip("/"))
        (root / "var/data").mkdir(parents=True)
        for folder in (tmp_path.parent, tmp_path, root):  # pytest's folders are for their owner only
            folder.chmod(0o755)
        os.chown(root / "var/data", 10001, 10001)
        return Image(root, user="10001", folder="/var/data", volumes=("/var/data",))

    def test_a_step_runs_inside_with_its_user_folder_and_environment_only(self, image: Image) -> None:
        argv = ["/bin/sh", "-c", 'echo "$WORD $HOME $(id -u)" > written']
        enter(image.root, argv, {"WORD": "a b", "PATH": "/usr/bin:/bin"}, image.user, image.folder)
        assert (image.root / "var/data/written").read_text(encoding="utf-8") == "a b  10001\n"

    def test_a_step_that_fails_ends_the_replay(self, image: Image) -> None:
        with pytest.raises(subprocess.CalledProcessError):
            enter(image.root, ["/bin/sh", "-c", "exit 3"], {}, "0", "/")

    def test_a_container_writes_to_its_volume_and_tmp_only_and_has_no_rights(
        self, image: Image, tmp_path: Path
    ) -> None:
        volume, log = tmp_path / "volume", tmp_path / "log"
        volume.mkdir()
        os.chown(volume, 10001, 10001)
        script = (
            "echo kept > /var/data/x; echo no > /y; echo yes > /tmp/z; grep CapEff /proc/self/status; id -u"
        )
        with started(image, volume, ["/bin/sh", "-c", script], {}, log) as container:
            container.outer.wait(20)
        said = log.read_text(encoding="utf-8")
        assert (volume / "x").read_text(encoding="utf-8") == "kept\n"
        assert "Read-only file system" in said
        assert not (image.root / "y").exists()
        assert "0000000000000000" in said
        assert said.splitlines()[-1] == "10001"

    def test_the_stop_signal_reaches_the_first_process(self, image: Image, tmp_path: Path) -> None:
        volume, log = tmp_path / "volume", tmp_path / "log"
        volume.mkdir()
        script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"
        with started(image, volume, ["/bin/sh", "-c", script], {}, log) as container:
            while "ready" not in log.read_text(encoding="utf-8"):
                assert container.outer.poll() is None
            assert container.execute(["/bin/sh", "-c", "exit 5"]).returncode == 5
            assert container.stop() == 7


def test_the_entrypoint_brings_the_kernels_once_and_becomes_the_command(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "entrypoint").read_text(encoding="utf-8")
    (tmp_path / "brought").mkdir()
    (tmp_path / "brought" / "kernel").touch()
    script = tmp_path / "entrypoint"
    script.write_text(text.replace("/opt/gridgov/kernels", str(tmp_path / "brought")), encoding="utf-8")
    cache = tmp_path / "cache"

    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        command = ["sh", str(script), "sh", "-c", "echo became"]
        environment = {"PATH": os.environ["PATH"], "NUMBA_CACHE_DIR": str(folder)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert run(cache).stdout == "became\n"
    (cache / "compiled later").touch()
    assert run(cache).stdout == "became\n"
    assert {path.name for path in cache.iterdir()} == {"kernel", "compiled later"}
    refused = run(tmp_path / "brought" / "kernel" / "below a file")
    assert (refused.returncode, "--tmpfs /tmp" in refused.stderr) == (1, True)
