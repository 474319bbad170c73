"""Rewrites a sequence's state for a context whose cache is of other types, row by row.

Bounded memory: source and target may be files mapped into memory; besides them each thread holds a few MiB.
"""

import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Self

import numpy as np

from kvdesk.engine.llama.layout import Block, CacheFormat, Layout, Section, StateFormat, read_layout
from kvdesk.engine.llama.row_converter import Bytes, Element, RowConverter
from kvdesk.errors import Cancelled
from kvdesk.memory.shape import ModelShape

_TILE_VALUES = 128 * 1024  # converted at once: what a core's cache holds
_TELL_S = 0.02  # between two words about the progress
_UNSIGNED = {2: np.uint16, 4: np.uint32}


@dataclass(frozen=True, slots=True)
class Copy:
    """Bytes that stay as they are, numbers in front of them included."""

    data: bytes
    source: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Conversion:
    """One layer's K or V, before and after."""

    source: Block
    target: Block


class Transcoding:
    """What it takes to rewrite a state; `n_bytes` is the length of the result.

    Raises UnknownLayout when the state is not what its format says.
    """

    def __init__(self, data: memoryview, source: StateFormat, target: StateFormat, shape: ModelShape) -> None:
        layout = read_layout(data, source, shape)
        self._data = data
        self.n_bytes = 0
        self._steps: list[tuple[int, Copy | Conversion]] = []
        self._plan(layout, target)

    def run(
        self,
        made: memoryview,
        threads: int,
        on_progress: Callable[[float], None] = lambda _: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """Write the result into `made`, which is `n_bytes` long. Raises Cancelled, OutOfMemory."""
        given, out = np.frombuffer(self._data, np.uint8), np.frombuffer(made, np.uint8)
        tiles: list[_Tile] = []
        for place, step in self._steps:
            if isinstance(step, Conversion):
                tiles += _tiles(step)
                continue
            end = place + len(step.data)
            out[place:end] = np.frombuffer(step.data, np.uint8)
            first, last = step.source
            out[end : end + last - first] = given[first:last]
        with _Converters() as converters:
            work = _Work(tiles, lambda tile: _convert(tile, given, out, converters))
            work.run(threads, on_progress, is_cancelled)

    def _plan(self, layout: Layout, target: StateFormat) -> None:
        self._add(Copy(b"", (0, 8)))
        for section, cache in zip(layout.sections, target.caches, strict=True):
            self._add(Copy(struct.pack("<I", cache.streams)))
            if section is not None:
                self._add_section(section, cache)
            empty = cache.streams - (section is not None)
            self._add(Copy(bytes(4 * empty)))
        self._add(Copy(b"", layout.state))

    def _add_section(self, section: Section, cache: CacheFormat) -> None:
        """llama_kv_cache::state_write_meta and state_write_data, for a cache of the target's types."""
        blocks = (*section.keys, *section.values)
        self._add(Copy(struct.pack("<I", blocks[0].cells), section.meta))
        self._add(Copy(struct.pack("<II", cache.is_turned, len(section.keys))))
        for block in section.keys:
            row_bytes = cache.k.type.row_bytes(block.values)
            self._add(Copy(struct.pack("<IQ", cache.k.type.ggml_id, row_bytes)))
            self._add(Conversion(block, replace(block, element=cache.k, offset=self.n_bytes)))
        for block in section.values:
            row = cache.v.type
            if cache.is_turned:
                header = struct.pack("<III", row.ggml_id, row.block_bytes, block.values)
            else:
                header = struct.pack("<IQ", row.ggml_id, row.row_bytes(block.values))
            self._add(Copy(header))
            target = replace(block, element=cache.v, offset=self.n_bytes, is_turned=cache.is_turned)
            self._add(Conversion(block, target))

    def _add(self, step: Copy | Conversion) -> None:
        self._steps.append((self.n_bytes, step))
        if isinstance(step, Conversion):
            self.n_bytes += step.target.n_bytes
        else:
            self.n_bytes += len(step.data) + step.source[1] - step.source[0]


@dataclass(frozen=True, slots=True)
class _Tile:
    """Some cells of a conversion."""

    source: Block
    target: Block
    first: int
    last: int
    most: int  # cells of the largest tile


def _tiles(step: Conversion) -> Iterator[_Tile]:
    cells = step.source.cells
    size = max(1, min(_TILE_VALUES // step.source.values, cells))
    for first in range(0, cells, size):
        yield _Tile(step.source, step.target, first, min(first + size, cells), size)


class _Converters:
    """Converters that no thread is using, by what they convert; freed at the end."""

    def __init__(self) -> None:
        self._idle: dict[tuple[Element, Element, int, int], list[RowConverter]] = {}
        self._lock = threading.Lock()

    def take(self, tile: _Tile) -> RowConverter:
        """A converter for a tile, to be given back."""
        key = self._key(tile)
        with self._lock:
            if idle := self._idle.get(key):
                return idle.pop()
        return RowConverter(*key)

    def give_back(self, tile: _Tile, converter: RowConverter) -> None:
        """Let others have it."""
        with self._lock:
            self._idle.setdefault(self._key(tile), []).append(converter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for idle in self._idle.values():
            for converter in idle:
                converter.close()

    @staticmethod
    def _key(tile: _Tile) -> tuple[Element, Element, int, int]:
        return tile.source.element, tile.target.element, tile.source.values, tile.most


class _Work:
    """Tiles that threads take one after the other: few words between them, since each word takes the lock of
    Python's interpreter, for which the others wait.
    """

    def __init__(self, tiles: Sequence[_Tile], do: Callable[[_Tile], None]) -> None:
        self._tiles = tiles
        self._do = do
        self._next = count()
        self._done = 0
        self._error: BaseException | None = None

    def run(
        self, threads: int, on_progress: Callable[[float], None], is_cancelled: Callable[[], bool]
    ) -> None:
        """Do all of it. Raises Cancelled, and what a thread raised."""

        def tell(fraction: float) -> None:
            on_progress(fraction)
            if is_cancelled():
                raise Cancelled

        tell(0.0)
        workers = [threading.Thread(target=self._work, name="transcode") for _ in range(threads)]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                while worker.is_alive():
                    worker.join(_TELL_S)
                    tell(self._done / max(1, len(self._tiles)))
        finally:
            self._next = count(len(self._tiles))
            for worker in workers:
                worker.join()
        if self._error is not None:
            raise self._error
        tell(1.0)

    def _work(self) -> None:
        while self._error is None and (number := next(self._next)) < len(self._tiles):
            try:
                self._do(self._tiles[number])
            except BaseException as error:  # raised again where the work was asked for
                self._error = error
                return
            self._done += 1  # a count for people to look at: one lost between two threads does no harm


def _convert(tile: _Tile, given: Bytes, made: Bytes, converters: "_Converters") -> None:
    converter = converters.take(tile)
    try:
        _load(converter.given, tile.source, tile.first, tile.last, given)
        converter.run()
        _store(converter.made, tile.target, tile.first, tile.last, made)
    finally:
        converters.give_back(tile, converter)


def _load(rows: Bytes, block: Block, first: int, last: int, data: Bytes) -> None:
    """Take cells `first` to `last` of a block into the beginning of `rows`, one after the other."""
    if block.is_turned:
        turned = _values_by_cell(data, block)[:, first:last]
        rows.view(turned.dtype)[: turned.size].reshape(last - first, block.values)[:] = turned.T
    else:
        row_bytes = block.element.type.row_bytes(block.values)
        start = block.offset + first * row_bytes
        rows[: (last - first) * row_bytes] = data[start : start + (last - first) * row_bytes]


def _store(rows: Bytes, block: Block, first: int, last: int, data: Bytes) -> None:
    """Put the beginning of `rows` into cells `first` to `last` of a block."""
    if block.is_turned:
        turned = _values_by_cell(data, block)[:, first:last]
        turned[:] = rows.view(turned.dtype)[: turned.size].reshape(last - first, block.values).T
    else:
        row_bytes = block.element.type.row_bytes(block.values)
        start = block.offset + first * row_bytes
        data[start : start + (last - first) * row_bytes] = rows[: (last - first) * row_bytes]


def _values_by_cell(data: Bytes, block: Block) -> np.ndarray[tuple[int, int], np.dtype[np.unsignedinteger]]:
    """A turned block as a table of values x cells; its elements are whole numbers of 2 or 4 bytes."""
    part = data[block.offset : block.offset + block.n_bytes]
    return part.view(_UNSIGNED[block.element.type.block_bytes]).reshape(block.values, block.cells)
