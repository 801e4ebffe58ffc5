"""The helpdesks. A folder with a `connector.py` is the registration; see README.md for what it holds."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


def found(paths: Sequence[Path] = (HERE,)) -> tuple[str, ...]:
    """Names of the helpdesks in `paths`, sorted; their folders become importable as `connectors.<name>`."""
    for path in paths:
        if str(path) not in __path__:
            __path__.append(str(path))
    return tuple(sorted({file.parent.name for path in paths for file in path.glob("*/connector.py")}))


def load(name: str, part: str = "connector") -> ModuleType:
    """A helpdesk's `connector` or `fake`, imported now: its vendor's SDK takes a while."""
    return import_module(f"connectors.{name}.{part}")
