"""Text as unit vectors by a real model."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from bot.backends.encoder.chance import likeness
from bot.backends.encoder.config import SETTING
from bot.backends.encoder.files import FILES, Files
from bot.backends.encoder.graph import graph
from bot.brains import Floats, Likeness
from bot.errors import Misconfigured
from bot.ports import Fine

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, OrtValue
    from tokenizers import Tokenizer

LETTERS = 20  # characters that the tokenizer gets to see for each token that counts
MANY = 8  # texts from which on all cores embed
ERRORS = 3  # what onnxruntime may write to standard error: no warnings


class Encoder:
    """A BERT-style encoder; threads may share it. The model is loaded when it is first needed.

    Each text runs alone and on one core: side by side they would have to be as long as the longest, which takes more
    time than it saves, and a text would have another vector in other company.
    """

    def __init__(self, files: Files) -> None:
        self.name, self.dim = files.name, files.config.hidden_size
        self._files, self._tokenizer = files, _tokenizer(files)
        self._lock = threading.Lock()
        self._model: _Loaded | None = None

    def embed(self, texts: Sequence[str], *, query: bool) -> Floats:
        """(n, dim) float32, unit rows; an empty text gives a zero row."""
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        said = [at for at, text in enumerate(texts) if text.strip()]
        if said:
            run = partial(self._run, self._loaded(), self._files.use.query if query else self._files.use.passage)
            rows[said] = _together(run, [texts[at] for at in said])
        return rows

    @cached_property
    def likeness(self) -> Likeness:
        """As it reads what has nothing to do with each other: some twenty milliseconds, once."""
        return likeness(partial(self.embed, query=False))

    def check(self) -> Fine:
        """Whether a text has a vector."""
        what = f"texts are compared by meaning ({self.name})"
        try:
            length = float(np.linalg.norm(self.embed(["Does it work?"], query=True)))
        except Exception as err:
            return ((what, False, str(err)),)
        return ((what, abs(length - 1) < 1e-3, f"its vectors have a length of {length:.3g} instead of 1"),)

    def _run(self, session: "InferenceSession", before: str, text: str) -> Floats:
        cut = text.strip()[: LETTERS * self._files.use.tokens]
        ids = self._tokenizer.encode(before + cut.encode("utf-8", "replace").decode()).ids  # half a pair is no text
        (vectors,) = session.run(None, {"ids": np.array([ids], dtype=np.int32)})
        return np.asarray(vectors[0], dtype=np.float32)

    def _loaded(self) -> "InferenceSession":
        with self._lock:
            self._model = self._model or _load(self._files)
            return self._model.session


def _together(run: Callable[[str], Floats], texts: Sequence[str]) -> list[Floats]:
    """In the order of `texts`; many are shared out to all cores."""
    if len(texts) < MANY:
        return [run(text) for text in texts]
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="encoder") as pool:
        return list(pool.map(run, texts))


def _tokenizer(files: Files) -> "Tokenizer":
    from tokenizers import Tokenizer  # noqa: PLC0415 - only who embeds needs it

    path = files.folder / FILES[2]
    try:
        made = Tokenizer.from_file(str(path))
    except Exception as err:  # it raises nothing narrower
        raise Misconfigured(SETTING, f"{path} is no tokenizer: {err}") from err
    most = max(made.get_vocab(with_added_tokens=True).values(), default=-1)
    if most >= files.config.vocab_size:
        rows = files.config.vocab_size
        raise Misconfigured(SETTING, f"{path} has a token {most}, and config.json a vocab_size of {rows}")
    made.enable_truncation(files.use.tokens)  # the published file says 128 where the model takes 256
    made.no_padding()
    return made


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A session, and the memory that it reads."""

    session: "InferenceSession"
    constants: Mapping[str, "OrtValue"]


def _load(files: Files) -> _Loaded:
    """A third of a second. Raises Misconfigured."""
    from onnxruntime import GraphOptimizationLevel, InferenceSession, OrtValue, SessionOptions  # noqa: PLC0415 - slow to import

    made = graph(files.config, files.weights(), files.use.pooling, files.precision)
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS
    # with more of it, what `graph` holds apart would be joined again
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_BASIC
    constants = {name: OrtValue.ortvalue_from_numpy(value) for name, value in made.constants.items()}
    options.add_external_initializers(list(constants), list(constants.values()))
    try:
        return _Loaded(InferenceSession(made.model, options, providers=["CPUExecutionProvider"]), constants)
    except Exception as err:  # its own errors have no common name
        raise Misconfigured(SETTING, f"onnxruntime does not take the model in {files.folder}: {err}") from err
