"""A BERT-style encoder's weights as an ONNX graph: the token ids of one text in, its unit vector out.

The layers: Devlin et al., BERT, 2018, section 3, as Hugging Face's `BertModel` computes them; the pooling (mean over
the tokens, or the first one, then unit length): Reimers and Gurevych, Sentence-BERT, 2019, section 3. onnxruntime's own
operators (`com.microsoft`) compute attention and what stands around it in one step each.
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

    def times(self, x: str, name: str, matrix: NDArray[np.float32]) -> str:
        """`x` times a matrix of weights. As int8, a quarter of the memory has to be read: each column is rounded on its
        own, and `x` by its greatest number, anew for each text."""
        if self.precision == "float32":
            return self.add("MatMul", [x, self.const(name, matrix)], f"{name} product")
        scale = np.maximum(np.abs(matrix).max(axis=0), np.finfo(np.float32).tiny) / 127
        rounded = self.const(name, np.rint(matrix / scale).astype(np.int8))
        scales, zero = self.const(f"{name} scale", scale), self.const(f"{name} zero", np.zeros(len(scale), np.int8))
        return self.add("DynamicQuantizeMatMul", [x, rounded, scales, zero], f"{name} product", domain=OURS)


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
    parts = [f"{name}.attention.self.{what}" for what in ("query", "key", "value")]
    three = g.times(x, f"{name} three", np.concatenate([g.weights[f"{part}.weight"].T for part in parts], axis=1))
    bias = g.const(f"{name} three bias", np.concatenate([g.weights[f"{part}.bias"] for part in parts]))
    g.add("Split", [three], *parts, axis=2)
    heads = g.config.num_attention_heads
    seen = g.add("MultiHeadAttention", [*parts, bias], f"{name} seen", domain=OURS, num_heads=heads)
    x = _joined(g, seen, x, f"{name}.attention.output")
    wide = f"{name}.intermediate.dense"
    product = g.times(x, wide, g.weights[f"{wide}.weight"].T)
    curved = g.add("BiasGelu", [product, g.weight(f"{wide}.bias")], f"{wide} curved", domain=OURS)
    return _joined(g, curved, x, f"{name}.output")


def _joined(g: _Draft, x: str, before: str, name: str) -> str:
    made = g.times(x, f"{name}.dense", g.weights[f"{name}.dense.weight"].T)
    taken = [made, before, *g.norm(f"{name}.LayerNorm"), g.weight(f"{name}.dense.bias")]
    return g.add("SkipLayerNormalization", taken, name, domain=OURS, epsilon=g.config.layer_norm_eps)


def _pooled(g: _Draft, x: str, pooling: Pooling) -> None:
    """The first token, or the sum over all at unit length: the mean has the same direction."""
    if pooling == "first":
        total = g.add("Gather", [x, g.whole("first", 0)], "total", axis=1)
    else:
        total = g.add("ReduceSum", [x, g.whole("tokens axis", [1])], "total", keepdims=0)
    g.add("LpNormalization", [total], "vectors", axis=1, p=2)
