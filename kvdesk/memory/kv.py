"""Bytes of the K and V caches and of recurrent states, layer by layer."""

from collections import Counter
from dataclasses import dataclass, field

from kvdesk.memory.configuration import CELL_PADDING, Configuration, pad
from kvdesk.memory.devices import cache_tensor_bytes
from kvdesk.memory.placement import Placement
from kvdesk.memory.report import Item, Kind
from kvdesk.memory.shape import LayerShape, ModelShape
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


def cache_bytes(shape: ModelShape, config: Configuration, placement: Placement) -> CacheBytes:
    """Sum the caches of all layers (llama_kv_cache and its kin, llama_memory_recurrent)."""
    total = CacheBytes()
    backends = {device.name: device.backend for device in config.devices}
    side_widths = _side_widths(shape)
    for layer, device in zip(shape.layers, placement.caches, strict=True):
        backend = backends[device]
        cells = cells_of(layer, config) * config.streams
        if layer.keeps_cells:
            v_values = layer.v_values
            if v_values and not config.uses_flash_attention:
                v_values = shape.widest_v_values  # V is transposed and padded to the widest layer
            total.k[device] += cache_tensor_bytes(backend, config.type_k, layer.k_values, cells)
            total.v[device] += cache_tensor_bytes(backend, config.type_v, v_values, cells)
        for side in layer.side_caches:
            per_stream = pad(-(-config.n_ctx_seq // side.tokens_per_cell), CELL_PADDING)
            v_values = side.v_values
            if v_values and not config.uses_flash_attention:
                v_values = side_widths
            total.k[device] += cache_tensor_bytes(
                backend, config.type_k, side.k_values, per_stream * config.streams
            )
            total.v[device] += cache_tensor_bytes(
                backend, config.type_v, v_values, per_stream * config.streams
            )
        rows = config.n_seq_max
        for values in (layer.conv_values, layer.recurrent_values, *layer.extra_state_values):
            total.state[device] += pad(values * rows * F32_BYTES, 32)
    return total


def _side_widths(shape: ModelShape) -> int:
    """The widest V row among side caches, to which they are padded without flash attention."""
    return max((side.v_values for layer in shape.layers for side in layer.side_caches), default=0)


def cache_items(shape: ModelShape, config: Configuration, placement: Placement) -> list[Item]:
    """The same as items, with the figures behind them."""
    total = cache_bytes(shape, config, placement)
    items = []
    for device in config.devices:
        name = device.name
        held = [row for row, place in zip(shape.layers, placement.caches, strict=True) if place == name]
        if total.k[name]:
            why = _cells_phrase(held, config)
            items.append(Item(Kind.K, name, total.k[name], "exact", f"{config.type_k.name}, {why}"))
            if total.v[name]:
                items.append(Item(Kind.V, name, total.v[name], "exact", f"{config.type_v.name}, {why}"))
        if total.state[name]:
            count = sum(1 for row in held if row.keeps_state or row.extra_state_values)
            why = f"state of {count} layers in f32, {_sequences(config)}; the context does not change it"
            items.append(Item(Kind.RECURRENT, name, total.state[name], "exact", why))
    return items


def _cells_phrase(held: list[LayerShape], config: Configuration) -> str:
    windows = sum(1 for row in held if row.keeps_cells and row.window_tokens is not None)
    full = sum(1 for row in held if row.keeps_cells) - windows
    indexers = sum(1 for row in held if row.side_caches)
    parts = []
    if full:
        parts.append(f"{full} layers of {format_tokens(config.n_ctx_seq)} cells")
    if windows:
        parts.append(f"{windows} window layers of {format_tokens(config.window_cells)} cells")
    if indexers:
        parts.append(f"{indexers} layers with an index beside it")
    if config.streams > 1:
        parts.append(f"{config.streams} times")
    return ", ".join(parts)


def _sequences(config: Configuration) -> str:
    return "one sequence" if config.n_seq_max == 1 else f"{config.n_seq_max} sequences"
