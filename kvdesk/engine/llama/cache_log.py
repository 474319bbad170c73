"""K, V and state by device, from what llama.cpp prints about its caches.

The account of its buffers has one column for all that a context keeps. The log has K and V apart, but
rounded to a hundredth of a MiB, and which device each layer is on. Together they give both to the byte.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class CacheBytes:
    """What a device keeps for a context. `exact` says that every figure was confirmed to the byte."""

    k: int = 0
    v: int = 0
    state: int = 0
    exact: bool = True


@dataclass(slots=True)
class _Cache:
    layers: Counter[str]
    k: int
    v: int


@dataclass(slots=True)
class _State:
    layers: Counter[str]
    size: int
    error: float


@dataclass(slots=True)
class CacheLog:
    """The caches and states that one context announced."""

    caches: list[_Cache] = field(default_factory=list)
    states: list[_State] = field(default_factory=list)
    is_exact: bool = True  # every printed size could be turned back into the number of bytes behind it

    @property
    def printed_bytes(self) -> int:
        """All of it, as printed."""
        return sum(c.k + c.v for c in self.caches) + sum(s.size for s in self.states)


def read_cache_log(lines: Sequence[str]) -> CacheLog:
    """Collect what a context's log says of its caches."""
    log = CacheLog()
    layers: Counter[str] = Counter()
    for line in lines:
        if match := _LAYER.search(line):
            layers[match[1]] += 1
        elif match := _CACHE.search(line):
            rows = int(match["cells"]) * int(match["streams"])
            k, k_exact = _unround(match["k"], rows, match["type_k"])
            v, v_exact = _unround(match["v"], rows, match["type_v"])
            log.caches.append(_Cache(layers, k, v))
            log.is_exact &= k_exact and v_exact
            layers = Counter()
        elif match := _STATE.search(line) or _OTHER_STATE.search(line):
            size = float(match["size"]) * MIB
            log.states.append(_State(layers, round(size), _rounding(size)))
            layers = Counter()
    return log


def split_by_device(log: CacheLog, context_bytes: dict[str, int]) -> dict[str, CacheBytes]:
    """Divide each device's context bytes into K, V and state.

    `context_bytes` are llama.cpp's own, to the byte. Layers of one cache are taken as equally large; where
    that, or a printed size, contradicts those bytes, the result says that it is not exact.
    """
    result: dict[str, CacheBytes] = {}
    for device, total in context_bytes.items():
        k = sum(_share(cache.k, cache.layers, device) for cache in log.caches)
        v = sum(_share(cache.v, cache.layers, device) for cache in log.caches)
        state = sum(_share(s.size, s.layers, device) for s in log.states)
        slack = sum(s.error for s in log.states)
        rest = total - k - v
        if abs(rest - state) <= slack and (log.states or rest == 0):
            result[device] = CacheBytes(k, v, rest, log.is_exact)
        else:
            result[device] = _scaled(k, v, state, total)
    return result


def _unround(printed_mib: str, rows: int, type_name: str) -> tuple[int, bool]:
    """The bytes behind a size printed in MiB with two decimals, and whether only one number can be meant."""
    printed = float(printed_mib) * MIB
    cache_type = CACHE_TYPES[type_name]
    unit = rows * cache_type.row_bytes(_ROW_MULTIPLE)
    size = round(printed / unit) * unit
    return size, abs(size - printed) <= _rounding(printed) and unit > 2 * _rounding(printed)


def _rounding(size_bytes: float) -> float:
    """How far a printed size may be from the true one: two decimals of a MiB, computed in 32-bit floats."""
    return 0.00501 * MIB + size_bytes * 2**-23


def _share(size: int, layers: Counter[str], device: str) -> int:
    total = layers.total()
    return size * layers[device] // total if total else 0


def _scaled(k: int, v: int, state: int, total: int) -> CacheBytes:
    """Keep the total, which is certain, and divide it as printed."""
    printed = k + v + state
    if not printed:
        return CacheBytes(0, 0, total, exact=False)
    scaled_k, scaled_v = k * total // printed, v * total // printed
    return CacheBytes(scaled_k, scaled_v if v else 0, total - scaled_k - scaled_v, exact=False)
