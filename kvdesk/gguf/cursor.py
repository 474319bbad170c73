"""A reading position in a header, over a mapped file or a growing stream, that trusts nothing it reads."""

import mmap
import re
import struct
from functools import cache
from typing import Protocol

from kvdesk.errors import Corrupt, GgufError, Truncated
from kvdesk.gguf.values import ORDER_CODES, ByteOrder, decode_text
from kvdesk.phrases import Phrase

# Bounds far above any model (the largest vocabularies have 800,000 strings, merges included) that keep a
# hostile file from costing time or memory.
MAX_STRINGS = 2 * 1024**2
MAX_TEXT_BYTES = 32 * 1024**2
MAX_STREAM_BYTES = 256 * 1024**2

_CHUNK_BYTES = 256 * 1024
_BLOCK_STRINGS = 64
_SHORT_BYTES = 128

TRY_AGAIN = "The download probably did not finish; fetch the file again."
DAMAGED = "The file is damaged; fetch it again or convert the model again."
NEWER = "It was made for a newer llama.cpp than the one bundled here, or the file is damaged."


class Readable(Protocol):
    """What a header can be read from: a file opened in binary mode, or anything that reads like one."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        ...


@cache
def _short_strings(order: ByteOrder) -> re.Pattern[bytes]:
    """Match exactly `_BLOCK_STRINGS` strings of fewer than `_SHORT_BYTES` bytes, lengths included.

    Walking a vocabulary in Python costs 100 ns a string; the regular expression engine takes the same
    steps in C. Each alternative is one possible length, so what matches is what a walk would have passed.
    """
    zeros = rb"\0" * 7
    strings = []
    for n_bytes in range(_SHORT_BYTES):
        low = re.escape(bytes([n_bytes]))
        length = low + zeros if order == "little" else zeros + low
        strings.append(length + b".{%d}" % n_bytes)
    return re.compile(rb"(?s:" + b"|".join(strings) + rb"){%d}+" % _BLOCK_STRINGS)


class Cursor:
    """A position in the bytes of a header.

    `limit` is the length of the whole file in bytes, None when it is not known. Every read first makes sure
    that its bytes exist, so no announced length or count is believed before the bytes are there.
    """

    def __init__(
        self, data: mmap.mmap | bytearray, name: str, limit: int | None, stream: Readable | None = None
    ) -> None:
        self.data = data
        self.name = name
        self.limit = limit
        self.position = 0
        self._stream = stream
        self._strings = 0
        self.set_order("little")

    def set_order(self, order: ByteOrder) -> None:
        """Read everything from here on in this byte order."""
        self.order: ByteOrder = order
        self._length_at = struct.Struct(ORDER_CODES[order] + "Q").unpack_from

    def corrupt(self, message: str, hint: str = DAMAGED, **values: object) -> Corrupt:
        """An error at this position; the message may use {name} and {offset}."""
        return Corrupt(message, hint, name=self.name, **{"offset": self.position, **values})

    def need(self, n_bytes: int) -> int:
        """Make sure that `n_bytes` bytes follow and return where they end. Raises Truncated."""
        end = self.position + n_bytes
        if end > len(self.data):
            self._extend(end)
        return end

    def has(self, n_bytes: int) -> bool:
        """Say whether `n_bytes` more bytes can follow, as far as is known without reading them."""
        return self.limit is None or self.position + n_bytes <= self.limit

    def unpack(self, codes: str) -> tuple[int, ...]:
        """Read numbers by their struct codes."""
        layout = ORDER_CODES[self.order] + codes
        end = self.need(struct.calcsize(layout))
        values = struct.unpack_from(layout, self.data, self.position)
        self.position = end
        return values

    def take(self, n_bytes: int) -> bytes:
        """Read bytes."""
        end = self.need(n_bytes)
        raw = bytes(self.data[self.position : end])
        self.position = end
        return raw

    def text(self) -> str:
        """Read a string value."""
        return decode_text(self._string())

    def identifier(self, what: Phrase) -> str:
        """Read a key or a tensor's name, which must be UTF-8; `what` names it in the error."""
        start = self.position
        try:
            return self._string().decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.corrupt(
                "“{name}” is damaged at byte {offset:,}: {what} is not readable text.",
                what=what,
                offset=start,
            ) from error

    def _string(self) -> bytes:
        end = self.need(8)
        n_bytes: int = self._length_at(self.data, self.position)[0]
        if n_bytes > MAX_TEXT_BYTES:
            raise self.corrupt(
                "“{name}” is damaged at byte {offset:,}: a text of {n_bytes:,} bytes is announced.",
                n_bytes=n_bytes,
            )
        self.position = end
        return self.take(n_bytes)

    def skip(self, n_bytes: int) -> None:
        """Pass over bytes that are there."""
        self.position = self.need(n_bytes)

    def skip_strings(self, count: int) -> None:
        """Pass over `count` strings without decoding them. Raises Truncated or Corrupt."""
        self._strings += count
        if self._strings > MAX_STRINGS:
            raise self.corrupt(
                "“{name}” is damaged at byte {offset:,}: {count:,} strings are announced.", count=count
            )
        if not self.has(8 * count):
            raise self._truncated(self.position + 8 * count)
        match = _short_strings(self.order).match
        while count > 0:
            block = min(count, _BLOCK_STRINGS)
            found = match(self.data, self.position) if block == _BLOCK_STRINGS else None
            if found is None:  # a long string, the end of the array, or the end of what has been read
                for _ in range(block):
                    self._skip_string()
            else:
                self.position = found.end()
            count -= block

    def _skip_string(self) -> None:
        end = self.need(8)
        n_bytes: int = self._length_at(self.data, self.position)[0]
        if not self.has(8 + n_bytes):
            raise self._truncated(end + n_bytes)
        self.position = end
        self.skip(n_bytes)

    def _extend(self, end: int) -> None:
        """Read on until `end`; what is held grows with what arrives, never with what is announced."""
        if self.limit is not None and end > self.limit:
            raise self._truncated(end)
        if self._stream is None or not isinstance(self.data, bytearray):
            raise self._truncated(end)
        while len(self.data) < end:
            if len(self.data) > MAX_STREAM_BYTES:
                raise self.corrupt("“{name}” has no end of its header after {offset:,} bytes.")
            try:
                chunk = self._stream.read(_CHUNK_BYTES)
            except OSError as error:
                raise GgufError(
                    "“{name}” cannot be read at byte {offset:,}: {reason}.",
                    "Check the disk or the connection and try again.",
                    name=self.name,
                    offset=len(self.data),
                    reason=error.strerror or str(error),
                ) from error
            if not chunk:
                raise self._truncated(end)
            self.data += chunk

    def _truncated(self, end: int) -> Truncated:
        there = len(self.data) if self.limit is None else self.limit
        return Truncated(
            "“{name}” ends after {there:,} bytes; what begins at byte {offset:,} goes on to byte {end:,}.",
            TRY_AGAIN,
            name=self.name,
            there=there,
            offset=self.position,
            end=end,
        )
