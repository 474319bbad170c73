"""Reads the tensor table of a header and refuses, as ggml does, what cannot be loaded."""

from dataclasses import dataclass
from math import prod

from kvdesk.errors import Corrupt
from kvdesk.gguf.cursor import NEWER, Cursor
from kvdesk.gguf.ggml_types import GGML_TYPES, REMOVED_TYPES, GgmlType
from kvdesk.phrases import Phrase

# ggml.h: GGML_MAX_DIMS, and GGML_MAX_NAME with its terminating NUL.
_MAX_DIMS = 4
_MAX_NAME_BYTES = 63
_INT64_MAX = 2**63 - 1

# What follows the number of dimensions: int64 each, the element type, the offset.
_CODES = tuple("q" * n_dims + "iQ" for n_dims in range(_MAX_DIMS + 1))


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor's entry in the header.

    `shape` is in ggml's order (row length first), `offset` in bytes from the start of its file's data
    section, `n_bytes` the exact size ggml gives it, `file_index` the file of a split set that holds it.
    """

    name: str
    shape: tuple[int, ...]
    type_id: int
    type_name: str
    offset: int
    n_bytes: int
    file_index: int = 0


def read_tensors(cursor: Cursor, count: int, alignment: int) -> tuple[TensorInfo, ...]:
    """Read `count` entries; tensors lie one after the other, each padded to the alignment (gguf.cpp).

    Raises Truncated or Corrupt.
    """
    tensors: dict[str, TensorInfo] = {}
    due_offset = 0
    for _ in range(count):
        start = cursor.position
        tensor = _read_tensor(cursor)
        if tensor.name in tensors:
            raise cursor.corrupt(
                "“{name}” is damaged at byte {offset:,}: the tensor “{tensor}” is there twice.",
                tensor=tensor.name,
                offset=start,
            )
        if tensor.offset != due_offset:
            raise cursor.corrupt(
                "“{name}” is damaged at byte {offset:,}: the data of the tensor “{tensor}” begins at "
                "{found:,} instead of {due:,}.",
                tensor=tensor.name,
                found=tensor.offset,
                due=due_offset,
                offset=start,
            )
        tensors[tensor.name] = tensor
        due_offset += tensor.n_bytes + -tensor.n_bytes % alignment
    return tuple(tensors.values())


def _read_tensor(cursor: Cursor) -> TensorInfo:
    start = cursor.position
    name = cursor.identifier(Phrase("a tensor's name"))
    (n_dims,) = cursor.unpack("I")
    if n_dims > _MAX_DIMS or len(name.encode()) > _MAX_NAME_BYTES:
        raise cursor.corrupt(
            "“{name}” is damaged at byte {offset:,}: the tensor “{tensor}” has {n_dims:,} dimensions and "
            "a name of {length:,} characters.",
            tensor=name[:_MAX_NAME_BYTES],
            n_dims=n_dims,
            length=len(name),
            offset=start,
        )
    *dims, type_id, offset = cursor.unpack(_CODES[n_dims])
    row = GGML_TYPES.get(type_id)
    if row is None:
        raise _unknown_type(cursor, start, name, type_id)
    n_bytes = _checked_bytes(cursor, start, name, dims, row)
    return TensorInfo(name, tuple(dims), type_id, row.name, offset, n_bytes)


def _checked_bytes(cursor: Cursor, start: int, name: str, dims: list[int], row: GgmlType) -> int:
    """Return the size in bytes of a shape that ggml accepts: rows of whole blocks, countable in an int64."""
    if any(dim < 0 for dim in dims) or prod(max(dim, 1) for dim in dims) > _INT64_MAX:
        raise cursor.corrupt(
            "“{name}” is damaged at byte {offset:,}: the tensor “{tensor}” has the impossible shape {shape}.",
            tensor=name,
            shape=" × ".join(map(str, dims)),
            offset=start,
        )
    row_values = dims[0] if dims else 1
    if row_values % row.block_values:
        raise cursor.corrupt(
            "“{name}” is damaged at byte {offset:,}: rows of {values:,} values in the tensor “{tensor}” "
            "cannot be {type}, which packs {block_values:,}.",
            tensor=name,
            values=row_values,
            type=row.name,
            block_values=row.block_values,
            offset=start,
        )
    return prod(dims) // row.block_values * row.block_bytes


def _unknown_type(cursor: Cursor, start: int, tensor: str, type_id: int) -> Corrupt:
    removed = REMOVED_TYPES.get(type_id)
    if removed:
        return cursor.corrupt(
            "The tensor “{tensor}” of “{name}” (byte {offset:,}) is {type}, which llama.cpp no longer reads.",
            "Fetch the model in q4_0 or iq4_nl instead; both are repacked while loading.",
            tensor=tensor,
            type=removed,
            offset=start,
        )
    return cursor.corrupt(
        "The tensor “{tensor}” of “{name}” (byte {offset:,}) has the unknown element type {type_id}.",
        NEWER,
        tensor=tensor,
        type_id=type_id,
        offset=start,
    )
