"""Bytes of the K and V caches and of recurrent states, layer by layer."""

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from kvdesk.memory.configuration import CELL_PADDING, Configuration, pad
from kvdesk.memory.devices import cache_tensor_bytes
from kvdesk.memory.placement import Placement
from kvdesk.memory.report import Item, Kind
from kvdesk.memory.shape import LayerShape, ModelShape
from kvdesk.phrases import Phrase, joined
from kvdesk.units import format_tokens

F32_BYTES = 4


@dataclass(slots=True)
class CacheBytes:
    """Bytes by kind of cache and device."""

    k: Counter[str] = field(default_factory=Counter)
    v: Counter[str] = field(default_factory=Counter)
    state: Counter[str] = field(default_factory=Counter)


def cells_of(layer: LayerShape, config: Configuration) -> int:
    """Cells of a layer's main cache in one stream."""
    return config.n_ctx_seq if layer.window_tokens is None else config.window_cells


class LayerBytes(NamedTuple):
    """What one layer keeps in all its streams, in bytes."""

    k: int
    v: int
    state: int


def layer_bytes(shape: ModelShape, config: Configuration, layer: LayerShape, backend: str) -> LayerBytes:
    """The cache of one layer on a device of this backend."""
    is_turned = not config.uses_flash_attention  # V is then padded to the widest layer
    rows = []
    if layer.keeps_cells:
        v_values = shape.widest_v_values if is_turned and layer.v_values else layer.v_values
        rows.append((layer.k_values, v_values, cells_of(layer, config)))
    for side in layer.side_caches:
        v_values = _widest_side(shape) if is_turned and side.v_values else side.v_values
        cells = pad(-(-config.n_ctx_seq // side.tokens_per_cell), CELL_PADDING)
        rows.append((side.k_values, v_values, cells))
    k = v = 0
    for k_values, v_values, cells in rows:
        k += cache_tensor_bytes(backend, config.type_k, k_values, cells * config.streams)
        v += cache_tensor_bytes(backend, config.type_v, v_values, cells * config.streams)
    kept = (layer.conv_values, layer.recurrent_values, *layer.extra_state_values)
    return LayerBytes(k, v, sum(pad(values * config.n_seq_max * F32_BYTES, 32) for values in kept))


def cache_bytes(shape: ModelShape, config: Configuration, placement: Placement) -> CacheBytes:
    """Sum the caches of all layers (llama_kv_cache and its kin, llama_memory_recurrent)."""
    total = CacheBytes()
    backends = {device.name: device.backend for device in config.devices}
    for group in groups(shape, placement):
        one = layer_bytes(shape, config, group.layer, backends[group.device])
        total.k[group.device] += group.count * one.k
        total.v[group.device] += group.count * one.v
        total.state[group.device] += group.count * one.state
    return total


@dataclass(frozen=True, slots=True)
class Group:
    """Layers on one device that keep the same; `layer` stands for all `count` of them."""

    device: str
    layer: LayerShape
    count: int


@lru_cache(maxsize=256)
def groups(shape: ModelShape, placement: Placement) -> tuple[Group, ...]:
    """Layers that keep something, grouped by device and by what they keep."""
    counts: Counter[tuple[str, LayerShape]] = Counter(
        (device, replace(layer, index=0))
        for layer, device in zip(shape.layers, placement.caches, strict=True)
        if layer.keeps_cells or layer.keeps_state or layer.side_caches or layer.extra_state_values
    )
    return tuple(Group(device, layer, count) for (device, layer), count in counts.items())


def _widest_side(shape: ModelShape) -> int:
    """The widest V row among side caches, to which they are padded without flash attention."""
    return max(side.v_values for layer in shape.layers for side in layer.side_caches)


def cache_items(shape: ModelShape, config: Configuration, placement: Placement) -> list[Item]:
    """The same as items, with the figures behind them."""
    total = cache_bytes(shape, config, placement)
    items = []
    for device in config.devices:
        name = device.name
        held = [group for group in groups(shape, placement) if group.device == name]
        if total.k[name]:
            parts = _cells_phrases(held, config)
            k_why = joined([config.type_k.name, *parts])
            items.append(Item(Kind.K, name, total.k[name], "exact", k_why))
            if total.v[name]:
                v_why = joined([config.type_v.name, *parts])
                items.append(Item(Kind.V, name, total.v[name], "exact", v_why))
        if total.state[name]:
            count = sum(row.count for row in held if row.layer.keeps_state or row.layer.extra_state_values)
            why = Phrase(
                "state of {count} layers in f32, {sequences}; the context does not change it",
                count=count,
                sequences=_sequences(config),
            )
            items.append(Item(Kind.RECURRENT, name, total.state[name], "exact", why))
    return items


def _cells_phrases(held: list[Group], config: Configuration) -> list[Phrase]:
    windows = sum(row.count for row in held if row.layer.keeps_cells and row.layer.window_tokens is not None)
    full = sum(row.count for row in held if row.layer.keeps_cells) - windows
    indexers = sum(row.count for row in held if row.layer.side_caches)
    parts = []
    if full:
        cells = format_tokens(config.n_ctx_seq)
        parts.append(Phrase("{count} layers of {cells} cells", count=full, cells=cells))
    if windows:
        cells = format_tokens(config.window_cells)
        parts.append(Phrase("{count} window layers of {cells} cells", count=windows, cells=cells))
    if indexers:
        parts.append(Phrase("{count} layers with an index beside it", count=indexers))
    if config.streams > 1:
        parts.append(Phrase("{count} times", count=config.streams))
    return parts


def _sequences(config: Configuration) -> Phrase:
    one = config.n_seq_max == 1
    return Phrase("one sequence") if one else Phrase("{count} sequences", count=config.n_seq_max)
