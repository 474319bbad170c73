"""Which device each layer, its cache and the output layer belong to."""

import struct
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from kvdesk.memory.configuration import Configuration
from kvdesk.memory.report import Device
from kvdesk.memory.shape import ModelShape


@dataclass(frozen=True, slots=True)
class Placement:
    """Device names: of each layer's weights, of the output layer, of each layer's cache."""

    layers: tuple[str, ...]
    output: str
    caches: tuple[str, ...]

    @property
    def computing(self) -> tuple[str, ...]:
        """The devices that hold layers or the output, in the order of the graph."""
        return tuple(dict.fromkeys((*self.layers, self.output)))

    @property
    def is_divided(self) -> bool:
        """Whether layers, their caches and the output are on more than one device."""
        return len({*self.layers, *self.caches, self.output}) > 1


def place(shape: ModelShape, config: Configuration) -> Placement:
    """llama_model::load_tensors: `-ngl` takes layers from the end, the output layer first."""
    return _place(
        len(shape.layers),
        config.n_gpu_layers,
        config.devices,
        config.tensor_split,
        config.kv_offload,
    )


@lru_cache(maxsize=256)
def _place(
    n_layers: int,
    n_gpu_layers: int,
    devices: tuple[Device, ...],
    tensor_split: tuple[float, ...],
    kv_offload: bool,
) -> Placement:
    host, accelerators = devices[-1].name, devices[:-1]
    first = max(n_layers + 1 - n_gpu_layers, 0)
    on_devices = min(n_gpu_layers, n_layers + 1) if accelerators else 0
    ends = _split_points(accelerators, tensor_split)

    def device_of(layer: int) -> str:
        if layer < first or layer - first >= on_devices:
            return host
        # std::upper_bound over floats; the last point is 1 and the quotient below it.
        return accelerators[bisect_right(ends, _float32((layer - first) / on_devices))].name

    layers = tuple(device_of(layer) for layer in range(n_layers))
    return Placement(layers, device_of(n_layers), layers if kv_offload else (host,) * n_layers)


def shares(devices: tuple[Device, ...], tensor_split: tuple[float, ...]) -> tuple[float, ...]:
    """Each accelerator's share: the one asked for, or its part of all free memory."""
    given = tensor_split[: len(devices)]
    if any(given):
        return (*given, *(0.0,) * (len(devices) - len(given)))
    # A device that reports nothing counts as much as the others.
    return tuple(float(device.free_bytes or device.total_bytes or 1) for device in devices)


def _split_points(devices: tuple[Device, ...], tensor_split: tuple[float, ...]) -> list[float]:
    sums = list(accumulate(shares(devices, tensor_split), lambda total, share: _float32(total + share)))
    return [_float32(point / sums[-1]) for point in sums]


def _float32(value: float) -> float:
    """llama.cpp's split points are floats; a layer at a boundary depends on their rounding."""
    rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    return rounded
