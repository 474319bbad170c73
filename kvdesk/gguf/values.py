"""The metadata value types of GGUF and how their payloads become Python values."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from kvdesk.errors import Corrupt

ByteOrder = Literal["little", "big"]
Scalar = int | float | bool | str


class ValueType(IntEnum):
    """The type ids of metadata values (enum gguf_type)."""

    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3
    UINT32 = 4
    INT32 = 5
    FLOAT32 = 6
    BOOL = 7
    STRING = 8
    ARRAY = 9
    UINT64 = 10
    INT64 = 11
    FLOAT64 = 12


# A bool is read as a byte and is true when it is not 0, as gguf.cpp reads it.
STRUCT_CODES: dict[ValueType, str] = {
    ValueType.UINT8: "B",
    ValueType.INT8: "b",
    ValueType.UINT16: "H",
    ValueType.INT16: "h",
    ValueType.UINT32: "I",
    ValueType.INT32: "i",
    ValueType.FLOAT32: "f",
    ValueType.BOOL: "B",
    ValueType.UINT64: "Q",
    ValueType.INT64: "q",
    ValueType.FLOAT64: "d",
}

ITEM_BYTES: dict[ValueType, int] = {kind: struct.calcsize(f"={code}") for kind, code in STRUCT_CODES.items()}

ORDER_CODES: dict[ByteOrder, str] = {"little": "<", "big": ">"}


@dataclass(frozen=True, slots=True)
class ArrayValue:
    """Where an array lies: `count` elements in `n_bytes` bytes from `offset` in the (first) file."""

    element_type: ValueType
    count: int
    offset: int
    n_bytes: int


def decode_text(raw: bytes) -> str:
    """Decode a string value; bytes that are not UTF-8 become U+FFFD, since llama.cpp loads such files too."""
    return raw.decode("utf-8", errors="replace")


def decode_array(value: ArrayValue, payload: bytes, order: ByteOrder) -> tuple[Scalar, ...]:
    """Decode an array's payload. Raises Corrupt when the payload no longer is what the header described."""
    if len(payload) != value.n_bytes:
        raise _changed(value)
    if value.element_type is ValueType.STRING:
        return tuple(_strings(value, payload, order))
    code = STRUCT_CODES[value.element_type]
    items: tuple[Scalar, ...] = struct.unpack(f"{ORDER_CODES[order]}{value.count}{code}", payload)
    return tuple(map(bool, items)) if value.element_type is ValueType.BOOL else items


def _strings(value: ArrayValue, payload: bytes, order: ByteOrder) -> Iterator[str]:
    length_at = struct.Struct(ORDER_CODES[order] + "Q").unpack_from
    position = 0
    for _ in range(value.count):
        if position + 8 > len(payload):
            raise _changed(value)
        start = position + 8
        position = start + length_at(payload, position)[0]
        yield decode_text(payload[start:position])
    if position != len(payload):
        raise _changed(value)


def _changed(value: ArrayValue) -> Corrupt:
    return Corrupt(
        "The file changed since its header was read: the array at byte {offset:,} is another one.",
        "Open the model again.",
        offset=value.offset,
    )
