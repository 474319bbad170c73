"""Reads what a GGUF file says about itself, in milliseconds: no weights, no vocabulary."""

import mmap
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from kvdesk.errors import GgufError, NotGguf, Truncated, UnsupportedVersion
from kvdesk.gguf.cursor import DAMAGED, NEWER, TRY_AGAIN, Cursor, Readable
from kvdesk.gguf.impostors import not_gguf
from kvdesk.gguf.tensors import TensorInfo, read_tensors
from kvdesk.gguf.values import (
    ITEM_BYTES,
    STRUCT_CODES,
    ArrayValue,
    ByteOrder,
    Scalar,
    ValueType,
    decode_array,
)
from kvdesk.phrases import Phrase

__all__ = ["ArrayValue", "ByteOrder", "Header", "TensorInfo", "ValueType", "read_header", "read_stream"]

# gguf.h: GGUF_DEFAULT_ALIGNMENT. The bounds are far above any model.
_DEFAULT_ALIGNMENT = 32
_MAX_KEYS = 16 * 1024
_MAX_TENSORS = 64 * 1024
_MAX_DECODED = 4 * 1024**2


@dataclass(frozen=True)
class Header:
    """A GGUF header: scalars decoded, arrays located, tensors listed. Sizes and offsets are in bytes.

    `file_bytes` is the length of the file, or of all files of a split set, whose paths are in `paths`.
    """

    path: str
    version: int
    byte_order: ByteOrder
    metadata: Mapping[str, Scalar | ArrayValue]
    tensors: tuple[TensorInfo, ...]
    alignment: int
    data_offset: int
    file_bytes: int
    paths: tuple[str, ...]
    read_bytes: Callable[[int, int], bytes] = field(repr=False, compare=False)

    @property
    def architecture(self) -> str:
        """The value of general.architecture. Raises GgufError when the file does not say."""
        value = self.metadata.get("general.architecture")
        if not isinstance(value, str) or not value:
            raise GgufError(
                "“{name}” does not say which architecture it is (general.architecture).",
                "It is not a language model, or its conversion was incomplete.",
                name=self.path,
            )
        return value

    def get(self, key: str, default: Scalar | ArrayValue | None = None) -> Scalar | ArrayValue | None:
        """The value of a metadata key."""
        return self.metadata.get(key, default)

    def arch(self, key_suffix: str, default: Scalar | ArrayValue | None = None) -> Scalar | ArrayValue | None:
        """The value of the key "<architecture>.<key_suffix>"."""
        return self.metadata.get(f"{self.architecture}.{key_suffix}", default)

    def array(self, key: str) -> tuple[Scalar, ...]:
        """Decode an array. Raises GgufError when the key is missing, not an array, or no longer readable."""
        value = self.metadata.get(key)
        if not isinstance(value, ArrayValue):
            raise GgufError("“{name}” has no array “{key}”.", name=self.path, key=key)
        if value.count > _MAX_DECODED:
            raise GgufError(
                "The array “{key}” of “{name}” has {count:,} elements, more than any model needs.",
                DAMAGED,
                name=self.path,
                key=key,
                count=value.count,
            )
        return decode_array(value, self.read_bytes(value.offset, value.n_bytes), self.byte_order)


def read_header(path: str | Path) -> Header:
    """Read the header of one GGUF file; a part of a split set is read as it is.

    Raises NotGguf, UnsupportedVersion, Truncated or Corrupt, and GgufError when the file cannot be opened.
    """
    name = str(path)
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise GgufError("“{name}” is a folder.", "Choose the .gguf file inside it.", name=name)
        if not stat.S_ISREG(mode):  # opening a pipe would wait for its other end
            raise NotGguf("“{name}” is a device or a pipe.", "Choose a file on disk.", name=name)
        with open(path, "rb") as file:
            file_bytes = file.seek(0, 2)
            if file_bytes == 0:
                raise NotGguf("“{name}” is empty.", "Fetch the file again.", name=name)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _parse(Cursor(data, name, file_bytes), partial(_read_bytes, name))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path, a file emptied meanwhile
        raise _unreadable(name, error) from error


def read_stream(stream: Readable, file_bytes: int | None = None, name: str = "") -> Header:
    """Read a header from the start of a stream, no further than its end and never seeking.

    `file_bytes` is the length of the whole file where it is known; without it tensors are not checked against
    it and the header's own sum is reported. Errors as `read_header`.
    """
    data = bytearray()
    return _parse(
        Cursor(data, name, file_bytes, stream), lambda offset, n_bytes: bytes(data[offset : offset + n_bytes])
    )


def _read_bytes(path: str, offset: int, n_bytes: int) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(n_bytes)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(name: str, error: OSError | ValueError) -> GgufError:
    if isinstance(error, FileNotFoundError):
        return GgufError("There is no file “{name}”.", "Check the path.", name=name)
    if isinstance(error, PermissionError):
        return GgufError("“{name}” may not be read.", "Check the file's permissions.", name=name)
    reason = getattr(error, "strerror", None) or str(error)
    return GgufError("“{name}” cannot be read: {reason}.", "Check the path.", name=name, reason=reason)


def _parse(cursor: Cursor, read_bytes: Callable[[int, int], bytes]) -> Header:
    version = _read_version(cursor)
    n_tensors, n_keys = cursor.unpack("QQ")
    if n_keys > _MAX_KEYS or n_tensors > _MAX_TENSORS:
        raise cursor.corrupt(
            "“{name}” is damaged at byte {offset:,}: it announces {n_keys:,} keys and {n_tensors:,} tensors.",
            n_keys=n_keys,
            n_tensors=n_tensors,
            offset=8,
        )
    metadata: dict[str, Scalar | ArrayValue] = {}
    alignment = _DEFAULT_ALIGNMENT
    for _ in range(n_keys):
        key, kind, value = _read_pair(cursor, metadata)
        metadata[key] = value
        if key == "general.alignment":
            alignment = _checked_alignment(cursor, kind, value)
    tensors = read_tensors(cursor, n_tensors, alignment)
    data_offset = cursor.position
    if tensors:  # gguf.cpp pads only when there is a data section
        data_offset += -data_offset % alignment
    data_end = data_offset + (tensors[-1].offset + tensors[-1].n_bytes if tensors else 0)
    if cursor.limit is not None and data_end > cursor.limit:
        raise Truncated(
            "“{name}” ends after {there:,} of the {end:,} bytes that its tensors need.",
            TRY_AGAIN,
            name=cursor.name,
            there=cursor.limit,
            end=data_end,
            offset=cursor.limit,
        )
    return Header(
        path=cursor.name,
        version=version,
        byte_order=cursor.order,
        metadata=metadata,
        tensors=tuple(tensors),
        alignment=alignment,
        data_offset=data_offset,
        file_bytes=data_end if cursor.limit is None else cursor.limit,
        paths=(cursor.name,),
        read_bytes=read_bytes,
    )


def _read_version(cursor: Cursor) -> int:
    """Read magic and version, and set the byte order: a swapped version has its low half empty (gguf.cpp)."""
    try:
        start = cursor.take(4)
    except Truncated as error:
        raise NotGguf(
            "“{name}” is too short to be a GGUF file.", "Fetch the file again.", name=cursor.name
        ) from error
    if start != b"GGUF":
        raise not_gguf(cursor, start)
    (version,) = cursor.unpack("I")
    if version & 0xFFFF == 0:
        cursor.position -= 4
        cursor.set_order("big")
        (version,) = cursor.unpack("I")
    if version == 1:
        raise UnsupportedVersion(
            "“{name}” is a GGUF file of version 1, which llama.cpp no longer reads.",
            "Fetch a newer file of this model, or convert it again.",
            name=cursor.name,
            offset=4,
        )
    if version not in (2, 3):
        raise UnsupportedVersion(
            "“{name}” says it is a GGUF file of version {version:,}; versions 2 and 3 can be read.",
            NEWER,
            name=cursor.name,
            version=version,
            offset=4,
        )
    return version


def _read_pair(cursor: Cursor, seen: Mapping[str, object]) -> tuple[str, ValueType, Scalar | ArrayValue]:
    start = cursor.position
    key = cursor.identifier(Phrase("a key"))
    if not key:
        raise cursor.corrupt("“{name}” is damaged at byte {offset:,}: a key has no name.", offset=start)
    if key in seen:
        raise cursor.corrupt(
            "“{name}” is damaged at byte {offset:,}: the key “{key}” is there twice.", key=key, offset=start
        )
    kind = _value_type(cursor, key)
    if kind is ValueType.ARRAY:
        return key, kind, _locate_array(cursor, key)
    if kind is ValueType.STRING:
        return key, kind, cursor.text()
    (number,) = cursor.unpack(STRUCT_CODES[kind])
    return key, kind, bool(number) if kind is ValueType.BOOL else number


def _value_type(cursor: Cursor, key: str) -> ValueType:
    start = cursor.position
    (type_id,) = cursor.unpack("I")
    try:
        return ValueType(type_id)
    except ValueError as error:
        raise cursor.corrupt(
            "“{name}” is damaged at byte {offset:,}: the key “{key}” has a value of unknown type {type_id}.",
            key=key,
            type_id=type_id,
            offset=start,
        ) from error


def _locate_array(cursor: Cursor, key: str) -> ArrayValue:
    element_type = _value_type(cursor, key)
    if element_type is ValueType.ARRAY:
        raise cursor.corrupt(
            "“{name}” is damaged at byte {offset:,}: the key “{key}” has arrays in an array, "
            "which no reader accepts.",
            key=key,
            offset=cursor.position - 4,
        )
    (count,) = cursor.unpack("Q")
    start = cursor.position
    if element_type is ValueType.STRING:
        cursor.skip_strings(count)
    else:
        cursor.skip(count * ITEM_BYTES[element_type])
    return ArrayValue(element_type, count, start, cursor.position - start)


def _checked_alignment(cursor: Cursor, kind: ValueType, value: Scalar | ArrayValue) -> int:
    """Return general.alignment if gguf.cpp accepts it: a uint32 and a power of two."""
    if kind is not ValueType.UINT32 or not isinstance(value, int) or value < 1 or value & (value - 1):
        raise cursor.corrupt(
            "“{name}” is damaged before byte {offset:,}: general.alignment is {value}, not a power of two.",
            value=value if kind is ValueType.UINT32 else kind.name,
        )
    return value
