"""Bytes of the weights by device and buffer, from each tensor's class, name and type."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from kvdesk.gguf.ggml_types import GGML_TYPES
from kvdesk.memory.configuration import Configuration
from kvdesk.memory.cpu import Cpu, repacks
from kvdesk.memory.devices import Backend, backend_of, weight_bytes
from kvdesk.memory.placement import Placement, place, shares
from kvdesk.memory.report import Device, Exactness, Item, Kind
from kvdesk.memory.shape import ModelShape, Weight
from kvdesk.phrases import Phrase, joined
from kvdesk.units import format_bytes

REPACKED = "CPU_REPACK"
_TYPE_BYTES = {row.name: (row.block_values, row.block_bytes) for row in GGML_TYPES.values()}

# llama_model::load_tensors creates these for every block; each device gets one copy.
_COPIED_BY_LAYER = frozenset({"rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"})


@dataclass(frozen=True, slots=True)
class WeightBytes:
    """Bytes by device and by buffer type there (a device's own buffer has the device's name).

    `second_copy_bytes` are those of a token embedding that also serves as output and lies in two buffers.
    `host_offloaded_bytes` is the largest tensor that a device would stage from the host.
    """

    by_buffer: Mapping[tuple[str, str], int]
    second_copy_bytes: int
    is_split: bool = False

    def on(self, device: str) -> int:
        """All bytes on a device."""
        return sum(size for (place, _), size in self.by_buffer.items() if place == device)

    def in_buffer(self, buffer: str) -> int:
        """All bytes in buffers of that type."""
        return sum(size for (_, kind), size in self.by_buffer.items() if kind == buffer)


@dataclass(frozen=True, slots=True)
class _Key:
    """What of a configuration decides where weights lie; a change of context or cache type does not."""

    placement: Placement
    devices: tuple[Device, ...]
    overrides: tuple[tuple[str, str], ...]
    repack: bool
    mmap: bool
    cpu: Cpu
    is_split: bool
    tensor_split: tuple[float, ...]


def weight_totals(shape: ModelShape, config: Configuration) -> WeightBytes:
    """Where every tensor goes (llama_model_loader::create_tensor). Remembered for each placement."""
    return _totals(shape, _key(shape, config))


def _key(shape: ModelShape, config: Configuration) -> _Key:
    return _Key(
        placement=place(shape, config),
        devices=config.devices,
        overrides=config.overrides,
        repack=config.repack,
        mmap=config.mmap,
        cpu=config.cpu,
        is_split=config.split_mode == "tensor",
        tensor_split=config.tensor_split,
    )


@lru_cache(maxsize=128)
def _totals(shape: ModelShape, key: _Key) -> WeightBytes:
    buffers, places = _Buffers(key), _places(shape, key)
    total: Counter[tuple[str, str]] = Counter()
    second_copy = 0
    for weight in shape.weights:
        if weight.name in _COPIED_BY_LAYER:
            for device in _devices_of_copies(shape, key.placement):
                buffers.add(total, weight, buffers.buffer_of(weight, device))
        else:
            buffers.add(total, weight, places[weight.name])
    tied = shape.tied_output
    if tied is not None:
        home = buffers.buffer_of(tied, buffers.device_of(tied), as_output=False)
        copy = buffers.buffer_of(tied, key.placement.output, as_output=True)
        # Made before the embedding, the copy is not found again; a mapped file holds both in one place.
        if copy != home or (shape.copies_embedding_twice and not key.mmap):
            second_copy = buffers.size(tied, copy[0])
            total[copy] += second_copy
    return WeightBytes(dict(total), second_copy, key.is_split)


def _devices_of_copies(shape: ModelShape, placement: Placement) -> Iterable[str]:
    """The devices of the layers that read rotary frequencies from the file."""
    layers = zip(shape.layers[: shape.n_layer], placement.layers, strict=False)
    return dict.fromkeys(
        device
        for layer, device in layers
        if layer.window_tokens is None or not shape.frequencies_of_full_layers
    )


def weight_homes(shape: ModelShape, config: Configuration) -> Mapping[str, str]:
    """The device that holds each tensor, by name; "output" is the matrix that makes logits."""
    return _homes(shape, _key(shape, config))


@lru_cache(maxsize=128)
def _places(shape: ModelShape, key: _Key) -> Mapping[str, tuple[str, str]]:
    """Device and buffer of each tensor; matching the patterns of overrides takes longest here."""
    buffers = _Buffers(key)
    return {weight.name: buffers.buffer_of(weight, buffers.device_of(weight)) for weight in shape.weights}


@lru_cache(maxsize=128)
def _homes(shape: ModelShape, key: _Key) -> Mapping[str, str]:
    buffers = _Buffers(key)
    homes = {name: device for name, (device, _) in _places(shape, key).items()}
    tied = shape.tied_output
    homes["output"] = (
        homes.get("output.weight") or homes.get("token_embd.weight", key.placement.output)
        if tied is None
        else buffers.buffer_of(tied, key.placement.output, as_output=True)[0]
    )
    return homes


def staged_bytes(shape: ModelShape, config: Configuration) -> int:
    """The largest matrix that lies on the host and not repacked, which a GPU must bring over to use it."""
    return _staged(shape, _key(shape, config))


@lru_cache(maxsize=128)
def _staged(shape: ModelShape, key: _Key) -> int:
    places = _places(shape, key)
    host = key.devices[-1].name
    return max(
        (
            weight.n_bytes
            for weight in shape.weights
            if weight.use in ("matmul", "experts")
            and weight.place == "repeating"
            and places[weight.name] == (host, host)
        ),
        default=0,
    )


class _Buffers:
    """Chooses a buffer for each tensor: overrides first, then its device's list (make_*_buft_list)."""

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.host = key.devices[-1].name
        self.backends: dict[str, Backend] = {
            device.name: backend_of(device.backend) for device in key.devices
        }
        self.patterns = [(re.compile(pattern), buffer) for pattern, buffer in key.overrides]
        self.pinned = any(backend_of(device.backend).has_host_buffer for device in key.devices[:-1])
        sizes = shares(key.devices[:-1], key.tensor_split)
        self.parts = [size / sum(sizes) for size in sizes]

    def device_of(self, weight: Weight) -> str:
        if weight.place == "input":
            return self.host
        if weight.place == "output":
            return self.key.placement.output
        return self.key.placement.layers[min(weight.layer or 0, len(self.key.placement.layers) - 1)]

    def buffer_of(self, weight: Weight, device: str, as_output: bool = False) -> tuple[str, str]:
        """(device, buffer type). `as_output`: the embedding in its second role, a matrix to multiply by."""
        name = weight.name
        for pattern, buffer in self.patterns:
            if pattern.search(name):
                device = self.host if buffer.startswith("CPU") else buffer
                break
        if device != self.host:
            return device, device
        can_repack = self.key.repack and not self.pinned
        reader = Weight(name, name, None, "output", "matmul", weight.type_name, weight.shape, weight.n_bytes)
        if can_repack and repacks(self.key.cpu, reader if as_output else weight):
            return self.host, REPACKED
        return self.host, self.host

    def size(self, weight: Weight, device: str) -> int:
        backend = self.backends.get(device, backend_of(""))
        return weight_bytes(backend, _TYPE_BYTES[weight.type_name], weight.shape[0], weight.n_bytes)

    def add(self, total: Counter[tuple[str, str]], weight: Weight, where: tuple[str, str]) -> None:
        place, buffer = where
        size = self.size(weight, place)
        if not self.key.is_split or place == self.host:
            total[place, buffer] += size
            return
        # Split mode tensor: matrices are cut along an axis, everything else is on each device.
        for part, part_device in zip(self.parts, self.key.devices[:-1], strict=True):
            is_cut = weight.use in ("matmul", "experts")
            total[part_device.name, part_device.name] += round(size * part) if is_cut else size


def weight_items(shape: ModelShape, config: Configuration) -> list[Item]:
    """The same as items: what is mapped can be dropped and read again, what is repacked cannot."""
    total = weight_totals(shape, config)
    exactness: Exactness = "formula" if total.is_split else "exact"
    items = []
    for (device, buffer), size in sorted(total.by_buffer.items()):
        is_host = device == config.host.name
        if buffer == REPACKED:
            why = Phrase("rearranged for this processor's vector units, a copy beside the file")
        elif is_host and config.mmap:
            why = Phrase("mapped from the file, locked in memory" if config.mlock else "mapped from the file")
        else:
            why = Phrase("read into memory" if is_host else "layers on this device")
        if total.second_copy_bytes and buffer == _second_copy_buffer(shape, config):
            size_again = format_bytes(total.second_copy_bytes)
            again = Phrase("{size} of it is the embedding once more, as output", size=size_again)
            why = joined([why, again], "; ")
        is_reclaimable = is_host and buffer == device and config.mmap and not config.mlock
        items.append(Item(Kind.WEIGHTS, device, size, exactness, why, is_reclaimable))
    return items


def _second_copy_buffer(shape: ModelShape, config: Configuration) -> str:
    output = place(shape, config).output
    if output != config.host.name:
        return output
    return REPACKED if weight_totals(shape, config).in_buffer(REPACKED) else output


def read_bytes(shape: ModelShape, config: Configuration) -> Mapping[str, float]:
    """What computing one token reads of each device's weights: all matrices, but of experts those chosen."""
    return _read(shape, _key(shape, config))


@lru_cache(maxsize=128)
def _read(shape: ModelShape, key: _Key) -> Mapping[str, float]:
    places = _places(shape, key)
    read: defaultdict[str, float] = defaultdict(float)
    for weight in shape.weights:
        is_read = weight.place != "input" and (weight.layer is None or weight.layer < shape.n_layer)
        if not is_read:  # of an embedding only a row is read
            continue
        share = 1.0
        if weight.use == "experts" and weight.layer is not None and shape.n_experts:
            share = shape.layers[weight.layer].experts_used / shape.n_experts
        read[places[weight.name][0]] += weight.n_bytes * share
    if shape.tied_output is not None:
        read[key.placement.output] += shape.tied_output.n_bytes
    return dict(read)
