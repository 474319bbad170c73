"""Where everything lies in a sequence's state as llama.cpp writes it (llama_state_seq_get_data).

What a context would write is known beforehand from its log: the caches it made, their types, streams and
rotations. A state is then read against that and against the model's shape; whatever does not agree in every
figure, to the last byte, is unknown, and nothing is done to it beyond handing it back to llama.cpp.
"""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import llama
from kvdesk.engine.llama.row_converter import Element
from kvdesk.errors import EngineError
from kvdesk.memory.cache_types import BY_NAME, CACHE_TYPES
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase

_MAGIC = 0xAF143CD8  # io_magic, llama-context.cpp
_CELL_EXT_BYTES = 12  # llama_kv_cell_ext
_V_ROTATION = 64  # llama_kv_cache::build_input_v_rot
_BY_ID = {row.ggml_id: row for row in CACHE_TYPES}

# How positions are scaled: K is kept turned by them.
POSITION_OPTIONS = (
    "rope_scaling",
    "rope_freq_base",
    "rope_freq_scale",
    "rope_scale",
    "yarn_orig_ctx",
    "yarn_ext_factor",
    "yarn_attn_factor",
    "yarn_beta_fast",
    "yarn_beta_slow",
)

# llama_kv_cache's constructor, in this order for each cache.
_CACHE = re.compile(r"cells, *\d+ layers, *\d+/ *(\d+) seqs\), K \((\w+)\):.*, V \((\w+)\):")
_K_ROTATION = re.compile(r"attn_rot_k = (\d), n_embd_head_k_all = (-?\d+)")
_V_ROTATED = re.compile(r"attn_rot_v = (\d)")
_FLASH_ATTENTION = re.compile(r"flash_attn +(= disabled)")


class CacheFormat(msgspec.Struct, frozen=True):
    """How one cache (llama_kv_cache) is written. `is_turned`: V lies value by value, not cell by cell."""

    k: Element
    v: Element
    is_turned: bool
    streams: int


class StateFormat(msgspec.Struct, frozen=True):
    """How a context writes a sequence: its caches in order, then perhaps a recurrent state."""

    caches: tuple[CacheFormat, ...]
    has_state: bool
    cell_ext_bytes: int


class UnknownLayout(EngineError):
    """A state that is not what its context was expected to write."""

    def __init__(self, reason: str) -> None:
        super().__init__("The cache is laid out in a way that is not known: {reason}.", reason=Phrase(reason))


def format_of(context: Context) -> StateFormat:
    """How a context writes its sequences, by its own log."""
    model = context.model
    has_multi_rope = llama.llama_model_rope_type(model.handle) in (
        llama.LLAMA_ROPE_TYPE_MROPE,
        llama.LLAMA_ROPE_TYPE_IMROPE,
    )
    shape = model.shape
    is_mla = shape is not None and shape.is_mla
    return StateFormat(
        caches=tuple(_caches(context.log_lines, is_mla=is_mla)),
        has_state=context.keeps_state,
        cell_ext_bytes=_CELL_EXT_BYTES if has_multi_rope else 0,
    )


def why_unsafe(shape: ModelShape | None, state_format: StateFormat) -> Phrase:
    """Why a model's states cannot be converted; "" when they can."""
    if shape is None or not shape.is_verified:
        return Phrase("this architecture is not known well enough")
    if any(layer.side_caches or layer.extra_state_values for layer in shape.layers):
        return Phrase("this model keeps an index or a compressed cache beside K and V")
    if shape.is_mla and shape.window_tokens is not None:
        return Phrase("this model has latent attention in windows")
    if not state_format.caches:
        return Phrase("this model keeps no K and V")
    if len(state_format.caches) != len(_widths(shape)):
        return Phrase("llama.cpp made other caches than this model's shape says")
    return Phrase("")


def _caches(lines: Sequence[str], *, is_mla: bool) -> list[CacheFormat]:
    is_turned = any(_FLASH_ATTENTION.search(line) for line in lines)
    caches: list[CacheFormat] = []
    for line in lines:
        if match := _CACHE.search(line):
            caches.append(CacheFormat(Element(match[2]), Element(match[3]), is_turned, int(match[1])))
        elif caches and (match := _K_ROTATION.search(line)):
            # The graph of latent attention does not rotate what it stores (llm_graph_input_attn_k).
            width = _k_rotation(int(match[2])) if match[1] == "1" and not is_mla else 0
            caches[-1] = msgspec.structs.replace(caches[-1], k=Element(caches[-1].k.type_name, width))
        elif caches and (match := _V_ROTATED.search(line)):
            width = _V_ROTATION if match[1] == "1" else 0
            caches[-1] = msgspec.structs.replace(caches[-1], v=Element(caches[-1].v.type_name, width))
    return caches


def _k_rotation(head: int) -> int:
    """The width of K's rotation (llama_kv_cache::build_input_k_rot)."""
    width = 64
    while head % (width * 2) == 0:
        width *= 2
    return width


@dataclass(frozen=True, slots=True)
class Block:
    """K or V of one layer: `cells` rows of `values` values from byte `offset` on.

    `is_turned`: `values` rows of `cells` values instead.
    """

    offset: int
    element: Element
    values: int
    cells: int
    is_turned: bool

    @property
    def n_bytes(self) -> int:
        """Its length."""
        return self.cells * self.element.type.row_bytes(self.values)


@dataclass(frozen=True, slots=True)
class Section:
    """One cache's cells: their positions in the bytes `meta`, then K and V of its layers."""

    meta: tuple[int, int]
    keys: tuple[Block, ...]
    values: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A state, read: a section for each cache (None for an empty one), the recurrent state's bytes, all."""

    sections: tuple[Section | None, ...]
    state: tuple[int, int]
    n_bytes: int


def read_layout(data: memoryview, state_format: StateFormat, shape: ModelShape) -> Layout:
    """Find everything in a state that holds one sequence. Raises UnknownLayout for the least disagreement."""
    reader = _Reader(data)
    if reader.u32() != _MAGIC:
        raise UnknownLayout("it begins otherwise")
    sequence = reader.u32()
    sections = []
    for cache, widths in zip(state_format.caches, _widths(shape), strict=True):
        if reader.u32() != cache.streams:
            raise UnknownLayout("it has another number of streams")
        found = [
            _section(reader, count, cache, state_format.cell_ext_bytes, sequence, widths)
            for _ in range(cache.streams)
            if (count := reader.u32())
        ]
        if len(found) > 1:
            raise UnknownLayout("one sequence lies in several streams")
        sections.append(found[0] if found else None)
    start = reader.place
    if state_format.has_state:
        reader.skip_state()
    if reader.place != len(data):
        raise UnknownLayout("it goes on after its end")
    return Layout(tuple(sections), (start, reader.place), len(data))


def _widths(shape: ModelShape) -> list[list[tuple[int, int]]]:
    """For each cache the (K, V) values of its layers' rows; window layers are in a cache of their own."""
    kept = [layer for layer in shape.layers[: shape.n_layer] if layer.keeps_cells]
    parts = [kept]
    if shape.window_tokens is not None:
        parts = [
            [layer for layer in kept if (layer.window_tokens is None) is is_base] for is_base in (True, False)
        ]
    return [[(layer.k_values, layer.v_values) for layer in part] for part in parts if kept]


def _section(
    reader: "_Reader",
    cells: int,
    cache: CacheFormat,
    ext_bytes: int,
    sequence: int,
    widths: list[tuple[int, int]],
) -> Section:
    """llama_kv_cache::state_write_meta, then state_write_data."""
    meta = reader.skip(cells * (12 + ext_bytes))
    entries = np.frombuffer(reader.data[slice(*meta)], np.int32).reshape(cells, -1)
    if (entries[:, 1] != 1).any() or (entries[:, -1] != sequence).any() or (entries[:, 0] < 0).any():
        raise UnknownLayout("its cells belong to several sequences")
    if (reader.u32(), reader.u32()) != (cache.is_turned, len(widths)):
        raise UnknownLayout("V lies otherwise, or there are other layers")
    keys = tuple(reader.block(cells, cache.k, k_values, is_turned=False) for k_values, _ in widths)
    values = tuple(reader.block(cells, cache.v, v, is_turned=cache.is_turned) for _, v in widths if v)
    return Section(meta, keys, values)


class _Reader:
    """Reads numbers and finds blocks, never beyond the end."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.place = 0

    def skip(self, n_bytes: int) -> tuple[int, int]:
        start, self.place = self.place, self.place + n_bytes
        if self.place > len(self.data):
            raise UnknownLayout("it ends too early")
        return start, self.place

    def u32(self) -> int:
        return int(struct.unpack_from("<I", self.data, self.skip(4)[0])[0])

    def u64(self) -> int:
        return int(struct.unpack_from("<Q", self.data, self.skip(8)[0])[0])

    def block(self, cells: int, element: Element, values: int, *, is_turned: bool) -> Block:
        """The header of a layer's K or V, and its place."""
        row = element.type
        if _BY_ID.get(self.u32()) is not BY_NAME[element.type_name]:
            raise UnknownLayout("a layer has another type")
        if (element.rotation and values % element.rotation) or values % row.block_values:
            raise UnknownLayout("a rotation or a block reaches over the end of a row")
        sizes = (self.u32(), self.u32()) if is_turned else (self.u64(),)
        if sizes != ((row.block_bytes, values) if is_turned else (row.row_bytes(values),)):
            raise UnknownLayout("a layer has another width than the model's shape says")
        start, _ = self.skip(cells * row.row_bytes(values))
        return Block(start, element, values, cells, is_turned)

    def skip_state(self) -> None:
        """llama_memory_recurrent::state_write of one sequence: its sizes are the model's and never differ."""
        count, _, ids, turned, _ = (self.u32() for _ in range(5))
        if (count, ids, turned) != (1, 0, 0):
            raise UnknownLayout("its recurrent state is kept otherwise")
        self.place = len(self.data)
