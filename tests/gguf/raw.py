"""Writes GGUF bytes field by field, so that tests can write wrong ones too."""

import struct
from collections.abc import Sequence
from typing import Any

from kvdesk.gguf.header import ValueType
from kvdesk.gguf.values import STRUCT_CODES

Pair = tuple[str | bytes, ValueType, Any]
Tensor = tuple[str, Sequence[int], int, int]


def text(value: str | bytes, order: str = "<") -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(order + "Q", len(raw)) + raw


def value_bytes(kind: ValueType, value: Any, order: str = "<") -> bytes:
    if kind is ValueType.STRING:
        return text(value, order)
    if kind is ValueType.ARRAY:
        element, items = value
        payload = b"".join(value_bytes(element, item, order) for item in items)
        return struct.pack(order + "IQ", element, len(items)) + payload
    return struct.pack(order + STRUCT_CODES[kind], value)


def raw_gguf(
    pairs: Sequence[Pair] = (),
    tensors: Sequence[Tensor] = (),
    *,
    version: int = 3,
    order: str = "<",
    alignment: int = 32,
    data_bytes: int = 0,
    n_keys: int | None = None,
    n_tensors: int | None = None,
) -> bytes:
    """A GGUF file; counts may be given to contradict what follows."""
    out = b"GGUF" + struct.pack(
        order + "IQQ",
        version,
        len(tensors) if n_tensors is None else n_tensors,
        len(pairs) if n_keys is None else n_keys,
    )
    for key, kind, value in pairs:
        out += text(key, order) + struct.pack(order + "I", kind) + value_bytes(kind, value, order)
    for name, dims, type_id, offset in tensors:
        out += text(name, order)
        out += struct.pack(f"{order}I{len(dims)}qiQ", len(dims), *dims, type_id, offset)
    if tensors:
        out += bytes(-len(out) % alignment)
    return out + bytes(data_bytes)


EVERY_KIND: list[Pair] = [
    ("general.architecture", ValueType.STRING, "llama"),
    ("a.uint8", ValueType.UINT8, 255),
    ("a.int8", ValueType.INT8, -128),
    ("a.uint16", ValueType.UINT16, 65535),
    ("a.int16", ValueType.INT16, -32768),
    ("a.uint32", ValueType.UINT32, 2**32 - 1),
    ("a.int32", ValueType.INT32, -(2**31)),
    ("a.float32", ValueType.FLOAT32, 0.5),
    ("a.true", ValueType.BOOL, 1),
    ("a.odd_true", ValueType.BOOL, 7),
    ("a.false", ValueType.BOOL, 0),
    ("a.uint64", ValueType.UINT64, 2**64 - 1),
    ("a.int64", ValueType.INT64, -(2**63)),
    ("a.float64", ValueType.FLOAT64, 1e300),
    ("a.text", ValueType.STRING, "zażółć 日本"),
    ("a.strings", ValueType.ARRAY, (ValueType.STRING, ["", "x" * 300, "\0" * 16, *map(str, range(500))])),
    ("a.heads", ValueType.ARRAY, (ValueType.INT32, [8, 0, -1])),
    ("a.flags", ValueType.ARRAY, (ValueType.BOOL, [1, 0, 2])),
    ("a.empty", ValueType.ARRAY, (ValueType.FLOAT32, [])),
]

TWO_TENSORS: list[Tensor] = [
    ("token_embd.weight", (256, 3), 12, 0),
    ("output_norm.weight", (5,), 0, 448),
]
TWO_TENSORS_DATA_BYTES = 448 + 20
