"""The house rules as functions over parsed source: each takes one module and gives its violations as text."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# A module imports only from lines above its own; modules on one line do not import each other.
LAYERS: list[set[str]] = [
    {"gridgov.errors"},
    {"gridgov.settings"},
    {"gridgov.geo"},
    {"gridgov.models"},
    {"gridgov.workflow", "gridgov.worktime", "gridgov.codes"},
    {"gridgov.access"},
    {"gridgov.layers", "gridgov.symbology"},
    {"gridgov.store", "gridgov.blobs", "gridgov.images"},
    {"gridgov.serving"},
    {"gridgov.records", "gridgov.ownership"},
    {
        "gridgov.areas",
        "gridgov.land",
        "gridgov.plants",
        "gridgov.listings",
        "gridgov.issues",
        "gridgov.facilities",
        "gridgov.attachments",
    },
    {"gridgov.relink", "gridgov.matching", "gridgov.statistics", "gridgov.exchange", "gridgov.jobs"},
    {"gridgov.boundaries"},
    {"gridgov.seeding", "gridgov.importing", "gridgov.backup"},
    {"gridgov.tasks"},
    {"maps"},
    {"api"},
]
BANNED = {
    "gridgov": {"fastapi", "starlette", "uvicorn", "folium", "branca", "jinja2", "typer", "api", "maps"},
    "maps": {"fastapi", "starlette", "uvicorn", "typer", "sqlalchemy", "sqlite3", "psycopg2", "api"},
    "api": {"folium", "sqlalchemy", "sqlite3", "psycopg2"},
}
FILE_LINES, FUNCTION_LINES, SCRIPT_LINES = 400, 50, 300
CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
}
SQL = re.compile(
    r"^\s*(SELECT\s.+\sFROM\s|SELECT\s+\w+\(|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\S+\s+SET\s|DELETE\s+FROM\s"
    r"|(CREATE|DROP|ALTER)\s+(VIRTUAL\s+|TEMP\s+|UNIQUE\s+)?(TABLE|INDEX|VIEW|TRIGGER|EXTENSION)\s|PRAGMA\s|BEGIN\s+IMMEDIATE|WITH\s+\w+\s+AS\s*\()",
    re.IGNORECASE | re.DOTALL,
)
MEASURES = {"area", "length", "distance"}
ROUTE_METHODS = {"get", "post", "put", "patch", "delete", "head", "options", "api_route"}

type_of_function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name, its path in the project and its text."""

    name: str
    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text, self.path)

    @cached_property
    def functions(self) -> list[type_of_function]:
        """Every function and method, nested ones too."""
        return [node for node in ast.walk(self.tree) if isinstance(node, type_of_function)]

    @property
    def package(self) -> str:
        """The package that a relative import starts from."""
        return self.name if self.path.endswith("__init__.py") else self.name.rpartition(".")[0]

    def place(self, node: ast.AST) -> str:
        """path:line, as editors understand it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


def modules(*folders: str) -> list[Module]:
    """The Python files below `folders`, sorted; a folder that does not exist gives none."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            relative = path.relative_to(ROOT)
            if "vendor" in relative.parts:
                continue
            name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
            found.append(Module(name, relative.as_posix(), path.read_text(encoding="utf-8")))
    return found


def below(path: str, *places: str) -> bool:
    """Whether `path` is one of `places` or lies in a folder of theirs (a place that ends with a slash)."""
    return any(path == place or (place.endswith("/") and path.startswith(place)) for place in places)


def imports(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    """Every import with the dotted name it asks for; `from a import b` gives a.b."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.package.split(".")
                base = ".".join(
                    [*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])]
                )
            for alias in node.names:
                yield node, f"{base}.{alias.name}"


def layer_of(name: str) -> tuple[int, str] | None:
    """The line of LAYERS that holds `name`, and which of its modules that is; None for others' modules."""
    for line, members in enumerate(LAYERS):
        for member in members:
            if name == member or name.startswith(member + "."):
                return line, member
    return None


def wrong_direction(module: Module) -> Iterator[str]:
    """Rule 1: imports from lines above only."""
    own = layer_of(module.name)
    for node, name in imports(module):
        other = layer_of(name)
        if own and other and own[1] != other[1] and other[0] >= own[0]:
            yield f"{module.place(node)}: {own[1]} imports {name}, which is not on a line above it"


def import_in_function(module: Module) -> Iterator[str]:
    """Rule 1: every import stands at the top, so that the layers can be read there."""
    for function in module.functions:
        for node in ast.walk(function):
            called = (
                getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            )
            if isinstance(node, ast.Import | ast.ImportFrom) or called in {"import_module", "__import__"}:
                yield f"{module.place(node)}: import inside {function.name}"


def banned_import(module: Module) -> Iterator[str]:
    """Rule 2: what a folder must not know."""
    folder = module.path.partition("/")[0]
    for node, name in imports(module):
        if name.partition(".")[0] in BANNED.get(folder, set()):
            yield f"{module.place(node)}: {folder}/ imports {name}"


def body_lines(function: type_of_function) -> int:
    """Lines of a function from its `def` to its end, without the docstring."""
    first = function.body[0]
    docstring = 0
    if ast.get_docstring(function, clean=False) is not None:
        docstring = (first.end_lineno or first.lineno) - first.lineno + 1
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def too_long(module: Module) -> Iterator[str]:
    """Rule 3: a file has at most 400 lines, a function 50 beside its docstring."""
    lines = len(module.text.splitlines())
    if lines > FILE_LINES:
        yield f"{module.path}: {lines} lines, more than {FILE_LINES}"
    for function in module.functions:
        if body_lines(function) > FUNCTION_LINES:
            yield f"{module.place(function)}: {function.name} has {body_lines(function)} lines"


def no_docstring(module: Module) -> Iterator[str]:
    """Rule 4: a module says its job, a public function what it takes and gives."""
    if not ast.get_docstring(module.tree) and module.text.strip():
        yield f"{module.path}: no module docstring"
    for node in module.tree.body:
        if isinstance(node, type_of_function) and any(
            "overload" in ast.unparse(d) for d in node.decorator_list
        ):
            continue
        public = isinstance(node, type_of_function | ast.ClassDef) and not node.name.startswith("_")
        if public and not ast.get_docstring(node):  # type: ignore[arg-type]  # narrowed by `public`
            yield f"{module.place(node)}: {node.name} has no docstring"  # type: ignore[attr-defined]


def reads_environment(module: Module) -> Iterator[str]:
    """Rule 5: one reader of the environment."""
    if below(module.path, "gridgov/settings.py"):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb", "putenv"}:
            yield f"{module.place(node)}: reads the environment"
    for node, name in imports(module):
        if name in {"os.environ", "os.getenv"}:
            yield f"{module.place(node)}: reads the environment"


def reads_clock(module: Module) -> Iterator[str]:
    """Rule 6: the clock is read at the two edges; everything else is told what time it is."""
    if below(module.path, "api/deps.py", "api/cli.py"):
        return
    for node in ast.walk(module.tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        if (name, node.func.attr) in CLOCKS:
            yield f"{module.place(node)}: reads the clock by {name}.{node.func.attr}()"


def docstrings(tree: ast.Module) -> set[int]:
    """The identities of the constants that are documentation."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(id(node.value))
    return found


def sql_outside_store(module: Module) -> Iterator[str]:
    """Rule 7: SQL text and commits only in gridgov/store."""
    if below(module.path, "gridgov/store/"):
        return
    documentation = docstrings(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            if SQL.match(node.value):
                yield f"{module.place(node)}: SQL text {node.value.strip()[:40]!r}"
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
        ):
            yield f"{module.place(node)}: commits"


def measures_geometry(module: Module) -> Iterator[str]:
    """Rule 8: planar measures on degrees are wrong, so only gridgov/geo measures."""
    if below(module.path, "gridgov/geo/"):
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Attribute) or node.attr not in MEASURES:
            continue
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if owner == "shapely" or re.search(r"geom|shape|polygon|line|ring|outline|footprint|boundary", owner):
            yield f"{module.place(node)}: measures with {owner}.{node.attr}"


def raises_http(module: Module) -> Iterator[str]:
    """Rule 9: the domain's errors become HTTP in one place."""
    if below(module.path, "api/errors.py"):
        return
    for node in ast.walk(module.tree):
        if "HTTPException" in {getattr(node, "id", ""), getattr(node, "attr", "")}:
            yield f"{module.place(node)}: names HTTPException"


def async_function(module: Module) -> Iterator[str]:
    """Rule 10: routes are `def`, because the store is synchronous."""
    if not below(module.path, "api/") or below(module.path, "api/hot.py", "api/live.py"):
        return
    for function in module.functions:
        if isinstance(function, ast.AsyncFunctionDef) and function.name != "lifespan":
            yield f"{module.place(function)}: async def {function.name}"


def catches_everything(module: Module) -> Iterator[str]:
    """Rule 11: unknown errors are caught at the two edges, where somebody is told."""
    if below(module.path, "api/errors.py", "api/cli.py"):
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        if node.type is None or any(
            getattr(kind, "id", "") in {"Exception", "BaseException"} for kind in kinds
        ):
            raised_again = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
            if not raised_again:
                yield f"{module.place(node)}: catches everything"


def is_route(function: type_of_function) -> bool:
    """Whether a decorator registers the function with a router or an app."""
    for decorator in function.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(call, ast.Attribute) and call.attr in ROUTE_METHODS:
            return True
    return False


def route_without_actor(module: Module) -> Iterator[str]:
    """Rule 12: a route says whose question it answers, or is on the list of public ones."""
    if not below(module.path, "api/"):
        return
    for function in module.functions:
        if not is_route(function):
            continue
        every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        annotations = [ast.unparse(argument.annotation) for argument in every if argument.annotation]
        if not any(re.search(r"Actor|Scope", annotation) for annotation in annotations):
            yield f"{module.place(function)}: route {function.name} names no actor"


RULES: list[Callable[[Module], Iterator[str]]] = [
    wrong_direction,
    import_in_function,
    banned_import,
    too_long,
    no_docstring,
    reads_environment,
    reads_clock,
    sql_outside_store,
    measures_geometry,
    raises_http,
    async_function,
    catches_everything,
    route_without_actor,
]
