"""The house rules hold in every module; what may break one stands in EXCEPTIONS with its reason."""

import graphlib
import re
from collections.abc import Callable, Iterator

import pytest

from tests.architecture_rules import (
    FILE_LINES,
    LAYERS,
    ROOT,
    RULES,
    SCRIPT_LINES,
    Module,
    imports,
    layer_of,
    modules,
)

PRODUCT = modules("gridgov", "maps", "api")
BESIDE = modules("tests", "bench", "scripts", "data")

# (rule, path, what the violation's text contains) → why it is right there
EXCEPTIONS: dict[tuple[str, str, str], str] = {
    ("import_in_function", "gridgov/exchange/registry.py", "import inside"): (
        "formats load when a file of theirs comes, so that --help imports neither numba nor geopandas"
    ),
    (
        "import_in_function",
        "api/cli.py",
        "import inside",
    ): "a command loads what it does when it is run; --help is light",
    (
        "import_in_function",
        "gridgov/blobs/__init__.py",
        "import inside",
    ): "boto3 is an extra, loaded only where photos lie in S3-compatible storage",
    (
        "async_function",
        "api/serving.py",
        "on_tick",
    ): "overrides a method of the server, which is asynchronous",
    (
        "async_function",
        "api/observing.py",
        "async def",
    ): "layers of ASGI around all routes, which must answer watchdogs when every thread is taken",
    (
        "catches_everything",
        "gridgov/jobs/threads.py",
        "catches everything",
    ): "a thread's end: whatever it raised goes to its future, where the worker reads it in its own thread",
    (
        "import_in_function",
        "api/telemetry.py",
        "import inside",
    ): "OpenTelemetry is an extra, loaded only where traces are sent",
}
# path:function → why it needs nobody's rights
PUBLIC_ROUTES: dict[str, str] = {
    "api/health.py:healthz": "a watchdog has no account",
    "api/health.py:livez": "as healthz",
    "api/health.py:readyz": "as healthz",
    "api/metrics.py:read_metrics": "a collector of measurements has a token of its own, or asks from this machine",
    "api/documents.py:read_openapi": "says what can be asked, holds no data",
    "api/documents.py:read_docs": "as the description it shows",
    "api/pages.py:read_start": "an empty page; its data come by routes that know the actor",
    "api/pages.py:read_report_form": "residents report without an account",
    "api/pages.py:read_sign_in": "who signs in is nobody yet",
    "api/pages.py:read_asset": "scripts, styles and pictures, the same for everybody",
}


def is_public(violation: str) -> bool:
    path, _, rest = violation.partition(":")
    return f"{path}:{rest.split('route ')[1].split(' ')[0]}" in PUBLIC_ROUTES


def excepted(rule: str, violation: str) -> bool:
    if rule == "route_without_actor":
        return is_public(violation)
    return any(
        rule == name and violation.startswith(f"{path}:") and part in violation
        for name, path, part in EXCEPTIONS
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_holds_in_every_module(rule: Callable[[Module], Iterator[str]]) -> None:
    violations = [text for module in PRODUCT for text in rule(module) if not excepted(rule.__name__, text)]
    assert not violations, "\n".join(violations)


SPECIMENS = [
    ("wrong_direction", "gridgov/geo/x.py", "from gridgov.store import open_store\n"),
    ("wrong_direction", "gridgov/issues.py", "from gridgov import areas\n"),
    ("wrong_direction", "gridgov/store/queries/x.py", "from ...serving import linking\n"),
    ("import_in_function", "gridgov/x.py", "def f():\n    import json\n"),
    ("import_in_function", "gridgov/x.py", "def f():\n    importlib.import_module('json')\n"),
    ("banned_import", "gridgov/x.py", "import fastapi\n"),
    ("banned_import", "maps/x.py", "from api import deps\n"),
    ("too_long", "gridgov/x.py", "x = 1\n" * 401),
    ("too_long", "api/x.py", "def f():\n" + "    x = 1\n" * 50),
    ("no_docstring", "gridgov/x.py", "x = 1\n"),
    ("no_docstring", "gridgov/x.py", '"""Job."""\ndef f():\n    pass\n'),
    ("reads_environment", "api/cli.py", "import os\nx = os.environ['A']\n"),
    ("reads_environment", "gridgov/x.py", "from os import getenv\n"),
    ("reads_clock", "gridgov/x.py", "import datetime\nx = datetime.datetime.now(datetime.UTC)\n"),
    ("reads_clock", "api/issues.py", "x = datetime.now(UTC)\n"),
    ("sql_outside_store", "gridgov/issues.py", "x = 'SELECT id FROM issues'\n"),
    ("sql_outside_store", "api/issues.py", "x = f'UPDATE {table} SET a = 1'\ny = 'DELETE FROM t'\n"),
    ("sql_outside_store", "gridgov/issues.py", "session.commit()\n"),
    ("measures_geometry", "gridgov/land.py", "x = geometry.area\n"),
    ("measures_geometry", "gridgov/land.py", "x = shapely.distance(a, b)\n"),
    ("raises_http", "api/issues.py", "raise HTTPException(404)\n"),
    ("async_function", "api/issues.py", "async def read():\n    pass\n"),
    ("catches_everything", "gridgov/x.py", "try:\n    pass\nexcept Exception:\n    pass\n"),
    ("catches_everything", "gridgov/x.py", "try:\n    pass\nexcept (OSError, BaseException):\n    pass\n"),
    ("catches_everything", "gridgov/x.py", "try:\n    pass\nexcept:\n    pass\n"),
    ("route_without_actor", "api/x.py", "@router.get('/x')\ndef read_x(store: StoreOf):\n    pass\n"),
]


@pytest.mark.parametrize(("name", "path", "source"), SPECIMENS)
def test_rule_sees_a_violation(name: str, path: str, source: str) -> None:
    [rule] = [rule for rule in RULES if rule.__name__ == name]
    module = Module(path.removesuffix(".py").replace("/", "."), path, source)
    assert list(rule(module))


ALLOWED = [
    (
        "wrong_direction",
        "gridgov/store/x.py",
        "from gridgov.store.base import Store\nfrom gridgov import geo\n",
    ),
    ("reads_environment", "gridgov/settings.py", "import os\nx = os.environ\n"),
    ("reads_clock", "api/deps.py", "x = datetime.now(UTC)\n"),
    (
        "sql_outside_store",
        "gridgov/x.py",
        '"""SELECT id FROM issues is what the store runs."""\nx = "select a file"\n',
    ),
    ("measures_geometry", "gridgov/land.py", "x = link.distance + record.area\n"),
    ("too_long", "gridgov/x.py", 'def f():\n    """Long.\n' + "\n" * 60 + '    """\n'),
    ("async_function", "api/app.py", "async def lifespan(app):\n    yield\n"),
    ("catches_everything", "gridgov/x.py", "try:\n    pass\nexcept BaseException:\n    raise\n"),
    ("route_without_actor", "api/x.py", "@router.get('/x')\ndef read_x(actor: CurrentActor):\n    pass\n"),
]


@pytest.mark.parametrize(("name", "path", "source"), ALLOWED)
def test_rule_leaves_right_code_alone(name: str, path: str, source: str) -> None:
    [rule] = [rule for rule in RULES if rule.__name__ == name]
    module = Module(path.removesuffix(".py").replace("/", "."), path, source)
    assert list(rule(module)) == []


def test_every_module_stands_on_a_line_of_the_layers() -> None:
    homeless = [module.path for module in PRODUCT if module.name != "gridgov" and not layer_of(module.name)]
    assert homeless == [], "add these to LAYERS in tests/architecture_rules.py, on the line DESIGN gives them"


def test_no_import_cycle() -> None:
    names = {module.name for module in PRODUCT}
    graph: dict[str, set[str]] = {}
    for module in PRODUCT:
        asked = {name if name in names else name.rpartition(".")[0] for _, name in imports(module)}
        graph[module.name] = (asked & names) - {module.name}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail("import cycle: " + " → ".join(error.args[1]))


def test_every_exception_is_still_needed() -> None:
    by_name = {rule.__name__: rule for rule in RULES}
    paths = {module.path: module for module in PRODUCT}
    stale = [
        f"{rule} {path}"
        for rule, path, part in EXCEPTIONS
        if path in paths and not any(part in text for text in by_name[rule](paths[path]))
    ]
    assert stale == []


def test_every_public_route_exists_and_names_no_actor() -> None:
    [rule] = [rule for rule in RULES if rule.__name__ == "route_without_actor"]
    found = {text for module in PRODUCT for text in rule(module) if is_public(text)}
    assert len(found) == len(PUBLIC_ROUTES)


@pytest.mark.parametrize("module", BESIDE, ids=lambda module: module.path)
def test_file_beside_the_product_is_short_enough(module: Module) -> None:
    assert len(module.text.splitlines()) <= FILE_LINES


def test_browser_modules_are_short_enough() -> None:
    scripts = [path for path in (ROOT / "maps").rglob("*.mjs") if "vendor" not in path.parts]
    scripts += [path for path in (ROOT / "maps").rglob("*.js") if "vendor" not in path.parts]
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in scripts}
    assert {name: lines for name, lines in lengths.items() if lines > SCRIPT_LINES} == {}


def test_nothing_is_called_utils() -> None:
    attic = re.compile(r"(^|_)(utils?|helpers?|misc|common)$")
    names = {part for module in [*PRODUCT, *BESIDE] for part in module.name.split(".")}
    assert {name for name in names if attic.search(name)} == set()


def test_layers_name_a_module_once() -> None:
    members = [member for line in LAYERS for member in line]
    assert len(members) == len(set(members))
