"""What a token of context takes of one model's cache: in llama.cpp's types, and in other engines."""

from collections.abc import Sequence

import msgspec

from kvdesk.memory.cache_types import CACHE_TYPES
from kvdesk.memory.kv import cache_items
from kvdesk.memory.placement import place
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import HOST
from kvdesk.memory.shape import LayerShape, ModelShape
from kvdesk.phrases import Phrase, joined
from kvdesk.plan.configure import configure
from kvdesk.plan.options import CacheTypeName, LoadOptions
from kvdesk.plan.other_engines import MODES, SIXTEEN_BITS, Mode, Vector
from kvdesk.plan.solve import bytes_per_token
from kvdesk.units import GIB

_MIXED: tuple[tuple[CacheTypeName, CacheTypeName], ...] = (("q8_0", "q5_1"), ("q8_0", "q4_0"))
_FAR = 1 << 20  # tokens: beyond every window

_MLA = Phrase(
    "This model keeps one compressed row instead of K and V heads; the engine stores it its own way."
)
_STATE = Phrase("Recurrent layers keep a fixed state, which is not counted.")
_WINDOWS = Phrase("Window layers are counted in full.")


class LensRow(msgspec.Struct, frozen=True, kw_only=True):
    """One way to keep the cache of one sequence.

    `bytes_per_token` is what a further token takes in the end, `unpacked_bytes_per_token` what it takes
    beside the cache, `fixed_bytes` what does not grow (window caches, recurrent state, tokens kept in 16
    bits). `bits_per_value` has the scales in it. Where the way is not open to this model, or not known, the
    figures are None and `note` says why.
    """

    engine: str
    mode: str
    option: str
    bytes_per_token: float | None = None
    bits_per_value: float | None = None
    unpacked_bytes_per_token: float = 0
    fixed_bytes: int = 0
    note: Phrase = Phrase("")

    @property
    def tokens_per_gib(self) -> int | None:
        """How many tokens a GiB holds, with all that comes with them; None where that has no end."""
        if not self.bytes_per_token:
            return None
        each = self.bytes_per_token + self.unpacked_bytes_per_token
        return max(0, int((GIB - self.fixed_bytes) / each))


def look(shape: ModelShape) -> tuple[LensRow, ...]:
    """A row for each of llama.cpp's pairs, then for each mode of the other engines."""
    names: list[CacheTypeName] = [row.name for row in CACHE_TYPES]  # type: ignore[misc]  # the same names
    pairs = [*((name, name) for name in names), *_MIXED]
    return (*(_pair(shape, k, v) for k, v in pairs), *(_mode(shape, mode) for mode in MODES))


def _pair(shape: ModelShape, k: CacheTypeName, v: CacheTypeName) -> LensRow:
    row = LensRow(engine="llama.cpp", mode=f"{k} / {v}", option=f"-ctk {k} -ctv {v}")
    options = LoadOptions(cache_type_k=k, cache_type_v=v, ctx_size=_FAR, flash_attn="on")
    config = configure(options, shape, (HOST,))
    refused = next((refusal for refusal in refusals(shape, config) if not refusal.is_warning), None)
    if refused is not None:
        return msgspec.structs.replace(row, note=Phrase(refused.message))
    each = bytes_per_token(shape, config)
    cached = sum(item.bytes for item in cache_items(shape, config, place(shape, config)))
    return msgspec.structs.replace(
        row,
        bytes_per_token=each,
        bits_per_value=32 * each / exact if (exact := _exact_bytes(shape)) else None,
        fixed_bytes=max(0, cached - each * config.n_ctx_seq),
    )


def _exact_bytes(shape: ModelShape) -> int:
    """Bytes that a token would take in f32."""
    options = LoadOptions(cache_type_k="f32", cache_type_v="f32", flash_attn="on")
    return bytes_per_token(shape, configure(options, shape, (HOST,)))


def _mode(shape: ModelShape, mode: Mode) -> LensRow:
    row = LensRow(engine=mode.engine, mode=mode.name, option=mode.option)
    layers = [layer for layer in shape.layers if layer.keeps_cells]
    if shape.is_mla or not all(layer.key_length and layer.value_length for layer in layers):
        return msgspec.structs.replace(row, note=_MLA)
    notes = [
        *([mode.note] if mode.note else ()),
        *([_WINDOWS] if any(layer.window_tokens for layer in layers) else ()),
        *([_STATE] if any(layer.keeps_state for layer in shape.layers) else ()),
    ]
    each, sixteen = _bytes(layers, mode.k, mode.v), _bytes(layers, SIXTEEN_BITS, SIXTEEN_BITS)
    widest = max((_bytes([layer], SIXTEEN_BITS, SIXTEEN_BITS) for layer in layers), default=0)
    return msgspec.structs.replace(
        row,
        bytes_per_token=each,
        bits_per_value=16 * each / sixteen if sixteen else None,
        unpacked_bytes_per_token=widest if mode.unpacks_layer else 0,
        fixed_bytes=round(mode.recent_tokens * sixteen),
        note=joined(notes, " "),
    )


def _bytes(layers: Sequence[LayerShape], k: Vector, v: Vector) -> float:
    """What a token takes in these layers; those with a window are counted like the others."""
    return sum(
        layer.head_count_kv * (k.bytes_of(layer.key_length) + v.bytes_of(layer.value_length))
        for layer in layers
    )
