"""ONNX's messages as bytes, as far as our graphs need them. The library that writes them is 27 MB and takes 0.3 s to
import, of each process; the numbers of fields are those of onnx.proto3 and may never change."""

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

IR, OPSET, OURS = 8, 17, "com.microsoft"  # what any onnxruntime since 2022 reads; its own operators
KINDS = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7}
FLOAT = KINDS["float32"]
SINGLE, WHOLE = 1, 2  # kinds of an attribute
ELSEWHERE = 1  # where a constant's data is: not in the message
Array = NDArray[np.generic]


def node(
    op: str, taken: Sequence[str], given: Sequence[str], domain: str, attributes: Mapping[str, int | float]
) -> bytes:
    """One operator; what it takes as "" is left out."""
    named = (_text(field, name) for field, names in ((1, taken), (2, given)) for name in names)
    said = (_part(5, _attribute(name, value)) for name, value in attributes.items())
    return b"".join((*named, _text(4, op), *said, _text(7, domain)))


def constant(name: str, value: Array, *, here: bool) -> bytes:
    """`here`: with its data; else the session is given it by name."""
    shape = b"".join(_number(1, size) for size in value.shape)
    data = _part(9, value.tobytes()) if here else _part(13, _text(1, "location") + _text(2, "memory"))
    return shape + _number(2, KINDS[value.dtype.name]) + _text(8, name) + data + _number(14, 0 if here else ELSEWHERE)


def tensor(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    """What goes in or out; a size that is not known has a name."""
    sizes = (_number(1, size) if isinstance(size, int) else _text(2, size) for size in shape)
    shaped = _number(1, kind) + _part(2, b"".join(_part(1, size) for size in sizes))
    return _text(1, name) + _part(2, _part(1, shaped))


def model(nodes: Sequence[bytes], constants: Sequence[bytes], taken: Sequence[bytes], given: Sequence[bytes]) -> bytes:
    """The whole file; nodes in the order in which they are computed."""
    parts = ((1, nodes), (5, constants), (11, taken), (12, given))
    graph = _text(2, "encoder") + b"".join(_part(field, item) for field, items in parts for item in items)
    sets = (_text(1, domain) + _number(2, version) for domain, version in (("", OPSET), (OURS, 1)))
    return _number(1, IR) + _part(7, graph) + b"".join(_part(8, item) for item in sets)


def _attribute(name: str, value: int | float) -> bytes:
    single = isinstance(value, float)
    said = _tag(2, 5) + struct.pack("<f", value) if single else _number(3, int(value))
    return _text(1, name) + said + _number(20, SINGLE if single else WHOLE)


def _text(field: int, value: str) -> bytes:
    return _part(field, value.encode())


def _part(field: int, value: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _tag(field, 0) + _varint(value)


def _tag(field: int, how: int) -> bytes:
    return _varint(field << 3 | how)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; not for what is negative."""
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes((*made, value))
