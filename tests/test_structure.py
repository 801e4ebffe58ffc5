"""The shape of the code, as rules that a machine checks: who may import whom, how long things get, what is pinned."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bot", "connectors", "learning")

# Inside `bot` a module imports lower floors, and of its own floor what stands before it: no circle fits in.
FLOORS = (
    ("words", ("model", "errors", "text")),
    ("rules", ("scope", "ports", "brains", "settings", "news", "policy", "egress", "compose", "memory")),
    (
        "edges",
        (
            "store",
            "pace",
            "work",
            "worker",
            "backends",
            "outside",
            "files",
            "sealed",
            "cases",
            "articles",
            "documents",
            "folders",
        ),
    ),
    (
        "line",
        (
            "team",
            "passwords",
            "allow",
            "follow",
            "recall",
            "knowledge",
            "entries",
            "imports",
            "sync",
            "line",
            "deliver",
            "answer",
            "refusals",
            "review",
            "tools",
            "letters",
            "forget",
            "taught",
            "sweep",
        ),
    ),
    (
        "surface",
        ("logs", "web", "records", "find_commands", "entry_commands", "sync_commands", "taught_commands", "console"),
    ),
)
ORDER = [module for _, modules in FLOORS for module in modules]
PURE = {module for floor, modules in FLOORS[:2] for module in modules}
COMPUTES = {"numpy", "nh3", "re2", "yaml"}  # third-party packages that touch nothing
IMPURE = {"os", "time", "random", "secrets", "socket", "subprocess", "threading", "sqlite3", "urllib.request"}
SHARED = {"pydantic", "requests", "httpx"}
CONNECTORS_MAY = {"bot.model", "bot.ports", "bot.errors", "bot.text", "connectors.http"}
FAKES_MAY_TOO = {"connectors.stage", "flask", "nh3"}
LOCKS = ("requirements", "requirements-model", "requirements-services", "requirements-dev", "requirements-uv")
HEAVY = {
    "zenpy",
    "intercom",
    "slack_bolt",
    "rq",
    "redis",
    "psycopg",
    "alembic",
    "onnxruntime",
    "tokenizers",
    "safetensors",
}


def product() -> list[Path]:
    """The files that are shipped: `app.py` and the three packages."""
    files = [ROOT / "app.py", *(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))]
    return sorted(file for file in files if file.exists())


@cache
def tree(file: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(file.read_text(encoding="utf-8"))


def dotted(file: Path) -> str:
    """`bot/text/markup.py` -> `bot.text.markup`; a package's `__init__.py` is the package."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it; names imported from our own packages as `package.name`."""
    package = file.relative_to(ROOT).parent.parts
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" if base.split(".")[0] in PACKAGES else base for alias in node.names)


def within(module: str, allowed: set[str]) -> bool:
    """Is `module` one of `allowed`, or inside one?"""
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


def outside(file: Path) -> set[str]:
    """Top-level names of third-party packages that a file imports."""
    tops = {module.split(".")[0] for module in imports(file)}
    return tops - set(sys.stdlib_module_names) - set(PACKAGES) - {"app"}


def connector_folders() -> dict[str, list[Path]]:
    """A helpdesk's name -> its Python files."""
    folders = {file.parent for file in (ROOT / "connectors").glob("*/connector.py")}
    return {folder.name: sorted(folder.rglob("*.py")) for folder in folders}


def real(name: str) -> set[Path]:
    """The files that a connector runs on: `connector.py` and what it imports of its folder; the rest is its fake."""
    folder = ROOT / "connectors" / name
    reached, open_ends = set[Path](), [folder / "connector.py"]
    while open_ends:
        file = open_ends.pop()
        reached.add(file)
        parts = {module.split(".")[2] for module in imports(file) if module.startswith(f"connectors.{name}.")}
        open_ends += [path for part in parts if (path := folder / f"{part}.py").exists() and path not in reached]
    return reached


def own_sdk(files: list[Path]) -> set[str]:
    """Third-party packages that a helpdesk uses beyond those that every connector may."""
    used = {name for file in files for name in outside(file)}
    return used - SHARED - FAKES_MAY_TOO


@pytest.mark.parametrize(
    ("package", "may"),
    [
        ("bot", {"bot"}),
        ("connectors", {"bot", "connectors"}),
        ("learning", {"bot", "learning"}),
    ],
)
def test_a_package_imports_bot_and_itself_and_no_sibling(package: str, may: set[str]) -> None:
    siblings = {*PACKAGES, "app", "tests", "bench"} - may

    wrong = [
        f"{dotted(file)} imports {module}"
        for file in product()
        if dotted(file).split(".")[0] == package
        for module in imports(file)
        if module.split(".")[0] in siblings
    ]

    assert wrong == []


def test_a_module_of_bot_imports_lower_floors_and_what_stands_before_it_on_its_own() -> None:
    wrong = [
        f"{dotted(file)} imports {module}"
        for file in product()
        for module in imports(file)
        if 0 <= floor(dotted(file)) < floor(module)
    ]

    assert wrong == []


def floor(module: str) -> int:
    """Where a module of `bot` stands in the order, from 0; -1 for anything else."""
    parts = module.split(".")
    return ORDER.index(parts[1]) if parts[0] == "bot" and parts[1:2] and parts[1] in ORDER else -1


def test_every_module_of_bot_has_a_floor() -> None:
    homeless = {dotted(file).split(".")[1] for file in product() if dotted(file).startswith("bot.")} - set(ORDER)

    assert homeless == set()


def test_words_and_rules_touch_no_clock_no_chance_and_nothing_outside() -> None:
    wrong = [
        f"{dotted(file)} imports {module}"
        for file in product()
        if dotted(file).startswith("bot.") and dotted(file).split(".")[1] in PURE
        for module in imports(file)
        if module in IMPURE or (module.split(".")[0] in outside(file) - COMPUTES)
    ]

    assert wrong == []


def test_a_connector_imports_the_words_its_own_folder_and_its_vendor() -> None:
    wrong = []
    for name, files in connector_folders().items():
        for file in files:
            may = CONNECTORS_MAY | {f"connectors.{name}"} | (set() if file in real(name) else FAKES_MAY_TOO)
            ours = {module for module in imports(file) if module.split(".")[0] in (*PACKAGES, "flask")}
            wrong += [f"{dotted(file)} imports {module}" for module in sorted(ours) if not within(module, may)]

    assert wrong == []


def test_a_connector_runs_without_its_fake() -> None:
    assert [name for name in connector_folders() if ROOT / "connectors" / name / "fake.py" in real(name)] == []


def test_a_vendors_sdk_is_imported_by_its_own_connector_alone() -> None:
    sdks = {name: own_sdk(files) for name, files in connector_folders().items()}
    elsewhere = {name for file in product() if not dotted(file).startswith("connectors.") for name in outside(file)}

    shared = [
        f"{package} is used by {name} and by {other}"
        for name, packages in sdks.items()
        for other, others in {**{n: p for n, p in sdks.items() if n != name}, "the line": elsewhere}.items()
        for package in sorted(packages & others)
    ]

    assert shared == []


def test_numpy_is_for_the_backends_and_named_in_their_ports() -> None:
    users = {dotted(file).split(".")[1] for file in product() if "numpy" in outside(file) and "bot" in file.parts}

    assert users <= {"backends", "brains"}


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """(name, lines from `def` to the end) of every function in a file."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{dotted(file)}.{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_over_300_lines() -> None:
    long = {dotted(file): lines for file in product() if (lines := len(file.read_text().splitlines())) > 300}

    assert long == {}


def test_functions_are_short_the_median_under_10_lines_and_none_over_40() -> None:
    lengths = dict(found for file in product() for found in functions(file))

    assert {name: lines for name, lines in lengths.items() if lines > 40} == {}
    assert median(lengths.values()) < 10


def test_importing_the_app_loads_no_vendors_sdk_and_no_service_client() -> None:
    if not (ROOT / "app.py").exists():
        pytest.skip("there is no app.py yet")
    show = "import app, sys; print(*{name.split('.')[0] for name in sys.modules})"

    answer = subprocess.run([sys.executable, "-c", show], cwd=ROOT, capture_output=True, text=True, check=True)

    assert HEAVY & set(answer.stdout.split()) == set()


def pinned(file: Path) -> dict[str, set[str]]:
    """Package -> versions that a requirements file or lock names with `==`."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[\w+\])?==([^\s;\\]+)", file.read_text(), re.M):
        found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), set()).add(version)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_what_is_asked_for_is_pinned_and_locked_with_hashes_and_without_addresses(name: str) -> None:
    asked, lock = ROOT / f"{name}.txt", ROOT / f"{name}.lock"

    lines = [line for line in asked.read_text().splitlines() if line and not line.startswith("#")]
    locked = pinned(lock)

    assert all("==" in line for line in lines)
    assert {package: versions for package, versions in pinned(asked).items() if versions != locked.get(package)} == {}
    assert "://" not in lock.read_text()
    assert lock.read_text().count("==") <= lock.read_text().count("--hash=sha256:")


def test_what_the_product_imports_is_in_its_requirements() -> None:
    files = ("requirements.txt", "requirements-model.txt", "requirements-services.txt")
    asked = {name for file in files for name in pinned(ROOT / file)}
    known = packages_distributions()

    missing = {
        f"{dotted(file)} imports {module}"
        for file in product()
        for module in outside(file)
        if not {re.sub(r"[-_.]+", "-", name).lower() for name in known.get(module, [module])} & asked
    }

    assert missing == set()


def test_make_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^\.PHONY: (.+)$", makefile, re.M)[0].split()

    assert [target for target in targets if target != "help" and f'echo "  {target} ' not in makefile] == []


def test_the_readme_names_every_setting_of_the_bot() -> None:
    if not (ROOT / "README.md").exists():
        pytest.skip("there is no README.md yet")
    settings = set(re.findall(r'"([A-Z][A-Z_]{3,})"', (ROOT / "bot" / "settings.py").read_text()))

    assert settings
    assert [name for name in sorted(settings) if f"`{name}`" not in (ROOT / "README.md").read_text()] == []
