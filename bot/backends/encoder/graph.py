"""A BERT-style encoder's weights as an ONNX graph: the token ids of one text in, its unit vector out.

The layers: Devlin et al., BERT, 2018, section 3, as Hugging Face's `BertModel` computes them; the pooling (mean over
the tokens, or the first one, then unit length): Reimers and Gurevych, Sentence-BERT, 2019, section 3. onnxruntime's own
operators (`com.microsoft`) compute attention and a rounded layer in one step each. Sum and normalisation stay two: its
`SkipLayerNormalization` takes three times as long as both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bot.backends.encoder import wire
from bot.backends.encoder.config import Config, Pooling
from bot.backends.encoder.wire import OURS, Array

Precision = Literal["float32", "int8"]
Weights = Mapping[str, NDArray[np.float32]]
WHAT = ("word", "position", "token_type")


@dataclass(frozen=True, slots=True)
class Graph:
    """A model as bytes, and the constants that a session of it has to be given by name."""

    model: bytes
    constants: Mapping[str, Array]


@dataclass
class _Draft:
    """Nodes in the order they are computed, and the constants that they read."""

    config: Config
    weights: Weights
    precision: Precision
    nodes: list[bytes] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    small: list[bytes] = field(default_factory=list)
    made: set[str] = field(default_factory=set)

    def add(self, op: str, taken: list[str], *given: str, domain: str = "", **attributes: int | float) -> str:
        """The first name of what a new node computes."""
        self.nodes.append(wire.node(op, taken, given, domain, attributes))
        return given[0]

    def const(self, name: str, value: Array) -> str:
        """The name of a constant."""
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def whole(self, name: str, value: list[int] | int) -> str:
        """A constant of whole numbers that shapes what comes out, so that it stands in the graph itself."""
        self.small.append(wire.constant(name, np.array(value, dtype=np.int64), here=True))
        return name

    def weight(self, name: str) -> str:
        """A weight as it is."""
        return self.const(name, self.weights[name])

    def norm(self, name: str) -> list[str]:
        """Scale and shift of a normalisation."""
        return [self.weight(f"{name}.{what}") for what in ("weight", "bias")]

    def dense(self, x: str, name: str) -> str:
        """`x` times a matrix of weights, and its bias. As int8, a quarter of the memory has to be read: each column is
        rounded on its own."""
        matrix, bias = self.weights[f"{name}.weight"].T, self.weight(f"{name}.bias")
        if self.precision == "float32":
            product = self.add("MatMul", [x, self.const(name, matrix)], f"{name} product")
            return self.add("Add", [product, bias], f"{name} sum")
        scale = np.maximum(np.abs(matrix).max(axis=0), np.finfo(np.float32).tiny) / 127
        rounded = self.const(name, np.rint(matrix / scale).astype(np.int8))
        scales, zeros = self.const(f"{name} scale", scale), self.const(f"{name} zero", np.zeros(len(scale), np.int8))
        whole, step, zero = self.rounded(x)
        taken = [whole, rounded, step, scales, zero, zeros, bias]
        return self.add("MatMulIntegerToFloat", taken, f"{name} sum", domain=OURS)

    def rounded(self, x: str) -> tuple[str, str, str]:
        """`x` in whole numbers, by its least and its greatest, anew for each text and once for all that read it."""
        whole, step, zero = names = (f"{x} whole", f"{x} step", f"{x} zero")
        if whole not in self.made:
            self.made.add(self.add("DynamicQuantizeLinear", [x], whole, step, zero))
        return names


def graph(config: Config, weights: Weights, pooling: Pooling, precision: Precision) -> Graph:
    """Takes `ids`: (1, tokens) int32; gives `vectors`: (1, hidden) float32, a unit row."""
    g = _Draft(config, weights, precision)
    x = _embedded(g)
    for number in range(config.num_hidden_layers):
        x = _layer(g, x, f"encoder.layer.{number}")
    _pooled(g, x, pooling)
    constants = [*g.small, *(wire.constant(name, value, here=False) for name, value in g.constants.items())]
    taken = wire.tensor("ids", wire.KINDS["int32"], [1, "tokens"])
    given = wire.tensor("vectors", wire.FLOAT, [1, config.hidden_size])
    return Graph(wire.model(g.nodes, constants, [taken], [given]), g.constants)


def _embedded(g: _Draft) -> str:
    """Word and position, normalised. Every text is all of one segment, whose vector is added to the positions."""
    word, position, segment = (f"embeddings.{what}_embeddings.weight" for what in WHAT)
    places = g.weights[position][g.config.first_position :] + g.weights[segment][0]
    taken = ["ids", "", g.weight(word), g.const("positions", places), "", *g.norm("embeddings.LayerNorm")]
    epsilon = g.config.layer_norm_eps
    return g.add("EmbedLayerNormalization", taken, "embedded", "unmasked", domain=OURS, epsilon=epsilon)


def _layer(g: _Draft, x: str, name: str) -> str:
    """Attention, then two dense layers, each added to what went in and normalised."""
    parts = [g.dense(x, f"{name}.attention.self.{what}") for what in ("query", "key", "value")]
    heads = g.config.num_attention_heads
    seen = g.add("MultiHeadAttention", parts, f"{name} seen", domain=OURS, num_heads=heads)
    x = _joined(g, seen, x, f"{name}.attention.output")
    curved = g.add("Gelu", [g.dense(x, f"{name}.intermediate.dense")], f"{name} curved", domain=OURS)
    return _joined(g, curved, x, f"{name}.output")


def _joined(g: _Draft, x: str, before: str, name: str) -> str:
    both = g.add("Add", [g.dense(x, f"{name}.dense"), before], f"{name} both")
    return g.add("LayerNormalization", [both, *g.norm(f"{name}.LayerNorm")], name, epsilon=g.config.layer_norm_eps)


def _pooled(g: _Draft, x: str, pooling: Pooling) -> None:
    """The first token, or the sum over all at unit length: the mean has the same direction."""
    if pooling == "first":
        total = g.add("Gather", [x, g.whole("first", 0)], "total", axis=1)
    else:
        total = g.add("ReduceSum", [x, g.whole("tokens axis", [1])], "total", keepdims=0)
    g.add("LpNormalization", [total], "vectors", axis=1, p=2)
