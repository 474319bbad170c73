"""K, V and state by device, from what llama.cpp prints about its caches.

The account of its buffers has one column for all that a context keeps. The log has K and V apart, but
rounded to a hundredth of a MiB, and which device each layer is on. Together they give both to the byte.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from kvdesk.memory.cache_types import BY_NAME as CACHE_TYPES
from kvdesk.units import MIB

# llama_kv_cache and llama_memory_recurrent: at debug level one line for each layer, then one for the whole.
_LAYER = re.compile(r"layer +\d+: dev = (.+)$")
_CACHE = re.compile(
    r"size = *[\d.]+ MiB \( *(?P<cells>\d+) cells, *\d+ layers, *\d+/(?P<streams>\d+) seqs\), "
    r"K \((?P<type_k>\w+)\): *(?P<k>[\d.]+) MiB, V \((?P<type_v>\w+)\): *(?P<v>[\d.]+) MiB"
)
_STATE = re.compile(r"size = *(?P<size>[\d.]+) MiB \(.*rs_seq\), R \(")
_OTHER_STATE = re.compile(r"state buffer size = *(?P<size>[\d.]+) MiB")  # DSV4's compressors
# Values in the rows of all layers of a cache are a multiple of this for every head size there is.
_ROW_MULTIPLE = 32


@dataclass(frozen=True, slots=True)
class CacheBytes:
    """What a device keeps for a context. `exact` says that every figure was confirmed to the byte."""

    k: int = 0
    v: int = 0
    state: int = 0
    exact: bool = True


@dataclass(frozen=True, slots=True)
class _Cache:
    """One cache: its layers by device, and the (K, V) bytes that its printed sizes can mean."""

    layers: Counter[str]
    sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _State:
    layers: Counter[str]
    size: int
    error: float


@dataclass(frozen=True, slots=True)
class CacheLog:
    """The caches and states that one context announced."""

    caches: tuple[_Cache, ...]
    states: tuple[_State, ...]

    @property
    def printed_bytes(self) -> int:
        """All of it, as printed."""
        return sum(sum(cache.sizes[0]) for cache in self.caches) + sum(state.size for state in self.states)


def read_cache_log(lines: Sequence[str]) -> CacheLog:
    """Collect what a context's log says of its caches."""
    caches: list[_Cache] = []
    states: list[_State] = []
    layers: Counter[str] = Counter()
    for line in lines:
        if match := _LAYER.search(line):
            layers[match[1]] += 1
        elif match := _CACHE.search(line):
            caches.append(_Cache(layers, _sizes_of(match)))
            layers = Counter()
        elif match := _STATE.search(line) or _OTHER_STATE.search(line):
            size = float(match["size"]) * MIB
            states.append(_State(layers, round(size), _rounding(size)))
            layers = Counter()
    return CacheLog(tuple(caches), tuple(states))


def split_by_device(log: CacheLog, context_bytes: dict[str, int]) -> dict[str, CacheBytes]:
    """Divide each device's context bytes into K, V and state.

    `context_bytes` are llama.cpp's own, to the byte. Layers of one cache are taken as equally large; where
    that, or a printed size, leaves doubt, the result says that it is not exact.
    """
    sizes, is_certain = _settle(log, sum(context_bytes.values()))
    slack = sum(state.error for state in log.states)
    result: dict[str, CacheBytes] = {}
    for device, total in context_bytes.items():
        shares = [(cache.layers[device], cache.layers.total()) for cache in log.caches]
        k = sum(size[0] * here // all_ for size, (here, all_) in zip(sizes, shares, strict=True) if here)
        v = sum(size[1] * here // all_ for size, (here, all_) in zip(sizes, shares, strict=True) if here)
        state = sum(s.size * s.layers[device] // (s.layers.total() or 1) for s in log.states)
        rest = total - k - v
        if abs(rest - state) <= slack and (log.states or rest == 0):
            result[device] = CacheBytes(k, v, rest, is_certain)
        else:
            result[device] = _scaled(k, v, state, total)
    return result


def _settle(log: CacheLog, total: int) -> tuple[tuple[tuple[int, int], ...], bool]:
    """Of all that the printed sizes can mean, what adds up to the total; and whether only one thing does."""
    slack = sum(state.error for state in log.states)
    target = total - sum(state.size for state in log.states)
    fitting = [
        choice
        for choice in product(*(cache.sizes for cache in log.caches))
        if abs(sum(map(sum, choice)) - target) <= slack
    ]
    if fitting:
        return fitting[0], len(fitting) == 1
    return tuple(cache.sizes[0] for cache in log.caches), False


def _sizes_of(match: re.Match[str]) -> tuple[tuple[int, int], ...]:
    """The pairs of bytes that a cache's printed K and V can mean, the nearest first."""
    rows = int(match["cells"]) * int(match["streams"])
    pairs = [
        (k, v)
        for k in _unround(match["k"], rows, match["type_k"])
        for v in _unround(match["v"], rows, match["type_v"])
    ]
    # K and V of one type that are printed alike are equal: otherwise they would differ by whole rows.
    if match["type_k"] == match["type_v"] and match["k"] == match["v"]:
        pairs = [pair for pair in pairs if pair[0] == pair[1]]
    return tuple(pairs)


def _unround(printed_mib: str, rows: int, type_name: str) -> list[int]:
    """The bytes that a size printed in MiB with two decimals can mean, the nearest first.

    A cache holds whole rows; never empty, since a size that no number of rows explains stands for itself.
    """
    printed = float(printed_mib) * MIB
    if printed == 0:
        return [0]
    unit = rows * CACHE_TYPES[type_name].row_bytes(_ROW_MULTIPLE)
    error = _rounding(printed)
    first, last = math.ceil((printed - error) / unit), math.floor((printed + error) / unit)
    sizes = [count * unit for count in range(first, last + 1)]
    return sorted(sizes, key=lambda size: abs(size - printed)) or [round(printed)]


def _rounding(size_bytes: float) -> float:
    """How far a printed size may be from the true one: two decimals of a MiB, computed in 32-bit floats."""
    return 0.00501 * MIB + size_bytes * 2**-23


def _scaled(k: int, v: int, state: int, total: int) -> CacheBytes:
    """Keep the total, which is certain, and divide it as printed."""
    printed = k + v + state
    if not printed:
        return CacheBytes(0, 0, total, exact=False)
    scaled_k, scaled_v = k * total // printed, v * total // printed
    return CacheBytes(scaled_k, scaled_v if v else 0, total - scaled_k - scaled_v, exact=False)
