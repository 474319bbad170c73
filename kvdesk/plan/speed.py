"""How fast a plan would answer: each token reads the weights and the cache once, as fast as memory allows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from kvdesk.errors import KvDeskError
from kvdesk.memory.configuration import Configuration
from kvdesk.memory.kv import cache_bytes
from kvdesk.memory.placement import place
from kvdesk.memory.report import Device
from kvdesk.memory.shape import ModelShape
from kvdesk.memory.weights import read_bytes
from kvdesk.plan.configure import configure, uses_gpu
from kvdesk.plan.fits import PairFit, Speed
from kvdesk.plan.gpus import gpu_of
from kvdesk.plan.load_record import DecodeAccount, LoadRecord, MarginKey, key_of
from kvdesk.plan.options import LoadOptions

Source = Literal["measured", "specification"]

# A shorter answer says more of the first token than of the speed.
FEWEST_TOKENS = 16
# What another device may have read of a load for its speed to be that of one device.
_ALONE = 0.98
_LOADS = 10


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Bytes a device reads in a second: from answers measured on it, or what its maker says at most."""

    bytes_per_s: float
    source: Source


def token_reads(shape: ModelShape, config: Configuration) -> dict[str, float]:
    """What a token reads of each device with the whole context in use, in bytes."""
    caches = cache_bytes(shape, config, place(shape, config))
    reads = dict(read_bytes(shape, config))
    for kind in (caches.k, caches.v, caches.state):
        for device, size in kind.items():
            reads[device] = reads.get(device, 0.0) + size
    return {device: size for device, size in reads.items() if size}


def decode_account(
    shape: ModelShape, options: LoadOptions, devices: Sequence[Device], tokens: int, time_s: float, depth: int
) -> DecodeAccount | None:
    """What an answer of `tokens` in `time_s` seconds tells, with `depth` tokens in the cache on average.

    None where it was too short, or the options make no configuration.
    """
    if tokens < FEWEST_TOKENS or time_s <= 0:
        return None
    try:
        reads = token_reads(shape, configure(_at(options, depth), shape, devices))
    except KvDeskError:
        return None
    return DecodeAccount(tokens / time_s, depth, {name: round(size) for name, size in reads.items()})


def bandwidths(
    devices: Iterable[Device], records: Iterable[LoadRecord] = (), library: str = ""
) -> dict[str, Bandwidth]:
    """The bandwidth of each device that one is known of: what the ledger's loads reached, else the table's.

    Small models read less in a second than large ones, so the best of the last ten loads counts.
    """
    reached: dict[MarginKey, list[float]] = {}
    for record in records:
        if record.decode is not None and record.library == library:
            total = sum(record.decode.read_bytes.values())
            for account in record.devices:
                if record.decode.read_bytes.get(account.name, 0) > _ALONE * total:
                    reached.setdefault(key_of(account), []).append(record.decode.tokens_per_s * total)
    found: dict[str, Bandwidth] = {}
    for device in devices:
        if rates := reached.get(key_of(device)):
            found[device.name] = Bandwidth(max(rates[-_LOADS:]), "measured")
        elif device.kind == "gpu" and (gpu := gpu_of(device)):
            found[device.name] = Bandwidth(gpu.bandwidth_gb_s * 1e9, "specification")
    return found


def speed_of(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    known: Mapping[str, Bandwidth],
    depth: int,
) -> Speed | None:
    """The speed with `depth` tokens in the cache; None where a device that is read has no known bandwidth."""
    reads = token_reads(shape, configure(_at(options, depth), shape, devices))
    if not reads or not reads.keys() <= known.keys():
        return None
    time_s = sum(size / known[name].bytes_per_s for name, size in reads.items())
    is_measured = all(known[name].source == "measured" for name in reads)
    return Speed(1 / time_s, depth, "measured" if is_measured else "specification")


def with_speeds(
    fits: Sequence[PairFit],
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    known: Mapping[str, Bandwidth],
    wanted_ctx: int,
) -> tuple[PairFit, ...]:
    """The fits with their speeds, each with the wanted context in the cache, or all that it holds.

    Nothing is said of attention that the CPU computes for a GPU: what is then carried between them decides.
    """
    if not known:
        return tuple(fits)
    has_gpu = uses_gpu(options, devices)

    def speed(fit: PairFit) -> Speed | None:
        if fit.max_ctx_size is None or (fit.kernel == "cpu" and has_gpu):
            return None
        pair = msgspec.structs.replace(options, cache_type_k=fit.cache_type_k, cache_type_v=fit.cache_type_v)
        return speed_of(shape, pair, devices, known, min(wanted_ctx, fit.max_ctx_size))

    return tuple(replace(fit, speed=speed(fit)) for fit in fits)


def _at(options: LoadOptions, depth: int) -> LoadOptions:
    return msgspec.structs.replace(options, ctx_size=max(depth, 1))
