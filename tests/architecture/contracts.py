"""What import-linter cannot express, read from the syntax tree: clocks, environment, chance, and imports by name."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# A name forbids what lies below it too; the final dot marks a whole module.
CLOCK = (
    "time.",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
)
SURROUNDINGS = (
    "os.environ",
    "os.environb",
    "os.getenv",
    "os.getenvb",
    "os.getcwd",
    "os.getpid",
    "os.getlogin",
    "os.uname",
    "os.cpu_count",
    "os.path.expanduser",
    "os.path.expandvars",
    "pathlib.Path.cwd",
    "pathlib.Path.home",
    "platform.",
    "getpass.",
    "socket.gethostname",
    "sys.argv",
)
CHANCE = ("random.", "secrets.", "os.urandom", "uuid.uuid1", "uuid.uuid4", "numpy.random.")

# Random generators are welcome where their seed is an argument.
MAKERS = ("default_rng", "SeedSequence", "PCG64", "PCG64DXSM", "Philox", "SFC64", "MT19937")
SEEDED = frozenset(f"numpy.random.{name}" for name in MAKERS)
TYPES = frozenset({"numpy.random.Generator", "numpy.random.BitGenerator"})
DATE_FROM_TEXT = frozenset({"numpy.datetime64", "pandas.Timestamp"})


@dataclass(frozen=True)
class Finding:
    """One forbidden use: where it stands and what it is."""

    line: int
    name: str
    why: str


def aliases(tree: ast.AST) -> dict[str, str]:
    """Local name → full name, for every absolute import in the tree, wherever it stands."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                found[item.asname or item.name.partition(".")[0]] = (
                    item.name if item.asname else item.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for item in node.names:
                found[item.asname or item.name] = f"{node.module}.{item.name}"
    return found


def full_name(node: ast.AST, names: dict[str, str]) -> str | None:
    """The dotted name an expression stands for, when it starts from an import."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(parts)])


def matches(name: str, forbidden: tuple[str, ...]) -> bool:
    """Whether `name` is forbidden itself, or lies below a forbidden name."""
    return any(f"{name}.".startswith(entry if entry.endswith(".") else f"{entry}.") for entry in forbidden)


def unseeded(call: ast.Call) -> bool:
    """Whether a generator is made without a seed, or with None for one."""
    given = [*call.args, *(word.value for word in call.keywords)]
    return not given or all(isinstance(value, ast.Constant) and value.value is None for value in given)


def findings(source: str) -> list[Finding]:
    """Every use of a clock, of the environment or of unseeded chance in a module's source."""
    tree = ast.parse(source)
    names = aliases(tree)
    found: dict[int, Finding] = {}
    seeded = {
        id(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and full_name(node.func, names) in SEEDED and not unseeded(node)
    }
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and full_name(node.func, names) in DATE_FROM_TEXT:
            text = node.args[0] if node.args else None
            if isinstance(text, ast.Constant) and text.value in {"now", "today"}:
                what = f"{full_name(node.func, names)}({text.value!r})"
                found[id(node)] = Finding(node.lineno, what, "reads the clock")
        if id(node) in inner or not isinstance(node, ast.Attribute | ast.Name):
            continue  # the whole dotted name is looked at, not its beginning
        name = full_name(node, names)
        if name is None or name in TYPES:
            continue
        if matches(name, CLOCK):
            found[id(node)] = Finding(node.lineno, name, "reads the clock")
        elif matches(name, SURROUNDINGS):
            found[id(node)] = Finding(node.lineno, name, "reads the environment")
        elif matches(name, CHANCE) and id(node) not in seeded:
            found[id(node)] = Finding(node.lineno, name, "draws without a seed that was given")
    return sorted(found.values(), key=lambda finding: (finding.line, finding.name))


def imported(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Every module a source imports or may import, with its line; `package` resolves relative imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, item.name) for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield node.lineno, base
            yield from ((node.lineno, f"{base}.{item.name}") for item in node.names)


def venues(folder: Path) -> set[str]:
    """Rulebook modules of a folder: those with a parameter file of the same name beside them."""
    return {path.stem for path in folder.glob("*.py") if path.with_suffix(".toml").exists()}


def crossings(folder: Path, package: str) -> list[str]:
    """Imports from one rulebook module of a folder to another."""
    names = venues(folder)
    found = []
    for stem in sorted(names):
        others = {f"{package}.{name}" for name in names - {stem}}
        for line, module in imported((folder / f"{stem}.py").read_text(encoding="utf-8"), package):
            if module in others:
                found.append(f"{stem}.py:{line} imports {module}")
    return found
