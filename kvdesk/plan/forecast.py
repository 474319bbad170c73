"""What estimates of some pairs at some contexts tell about other pairs and contexts, so that few are made.

Pairs whose types make the same graph differ only in how wide their caches are, and between two contexts a
report is straight unless another phase of the graph takes over in between.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from kvdesk.memory.cache_types import CacheType
from kvdesk.memory.report import Kind, MemoryReport
from kvdesk.plan.budget import Limits

GraphKind = tuple[str, str]
Bits = tuple[float, float]
Row = Sequence[float]

# What two straight pieces may differ by and still be one: buffers are padded to some hundred bytes each.
STRAIGHT_BYTES = 16 * 1024


def kind_of(cache_type: CacheType) -> str:
    """Types that make the same graph: quantised ones are turned first, others read through copies or not."""
    return "quantised" if cache_type.is_quantised else cache_type.name


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a pair is foreseen to take at a context, in bytes: in all, and what then is left on the tightest
    device; `step_bytes` is what the caches there take for each further token.
    """

    total_bytes: int
    margin_bytes: int
    tightest: str
    token_bytes: float


class Samples:
    """What estimates have shown of pairs with one graph.

    A row holds, of a report without its caches, the six kinds of all devices and what each limited device
    needs; then what the caches take of each of these for a bit of K's values, and for a bit of V's. There is
    at least one sample.
    """

    def __init__(self, devices: tuple[str, ...]) -> None:
        self._devices = devices
        self._rows: dict[int, Row] = {}
        self._contexts: list[int] = []
        self._straight_from: set[int] = set()  # pieces, by the context they begin at

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, ctx_size: int, report: MemoryReport, bits: Bits) -> None:
        """Learn from an estimate. A piece that it lies on is known to be straight from then on."""
        if ctx_size in self._rows:
            return
        row = _row(report, self._devices, bits)
        place = bisect_left(self._contexts, ctx_size)
        if 0 < place < len(self._contexts):
            left = self._contexts[place - 1]
            off = max(abs(a - b) for a, b in zip(self.row(ctx_size), row, strict=True))
            (self._straight_from.update if off < STRAIGHT_BYTES else self._straight_from.difference_update)(
                (left, ctx_size)
            )
        self._contexts.insert(place, ctx_size)
        self._rows[ctx_size] = row

    @property
    def first(self) -> int:
        """The smallest context there is a sample of."""
        return self._contexts[0]

    def knows(self, ctx_size: int) -> bool:
        """Whether a context was estimated."""
        return ctx_size in self._rows

    def is_sure(self, ctx_size: int) -> bool:
        """Whether a context was estimated, or lies on a piece that is known to be straight."""
        if ctx_size in self._rows:
            return True
        place = bisect_left(self._contexts, ctx_size)
        return 0 < place < len(self._contexts) and self._contexts[place - 1] in self._straight_from

    def row(self, ctx_size: int) -> Row:
        """The row at a context, drawn straight through the two nearest samples. Needs two of them."""
        if ctx_size in self._rows:
            return self._rows[ctx_size]
        upper = min(max(bisect_left(self._contexts, ctx_size), 1), len(self._contexts) - 1)
        left, right = self._contexts[upper - 1], self._contexts[upper]
        part = (ctx_size - left) / (right - left)
        rows = zip(self._rows[left], self._rows[right], strict=True)
        return [at_left + part * (at_right - at_left) for at_left, at_right in rows]


class Forecasts:
    """The samples of all graphs, each standing in for one that has too few."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._devices = tuple(name for name in limits.devices if limits.margin(name, 0, 0) is not None)
        self._samples: dict[GraphKind, Samples] = {}

    def learn(self, kind: GraphKind, ctx_size: int, report: MemoryReport, bits: Bits) -> None:
        """Learn from one estimate."""
        self._samples.setdefault(kind, Samples(self._devices)).add(ctx_size, report, bits)

    def is_sure(self, kind: GraphKind, ctx_size: int) -> bool:
        """Whether what is foreseen there is as good as an estimate."""
        samples = self._samples.get(kind)
        return samples is not None and samples.is_sure(ctx_size)

    def foresee(self, kind: GraphKind, ctx_size: int, bits: Bits) -> Foreseen | None:
        """What a pair would take; None while nothing like it was estimated at two contexts."""
        row = self._row(kind, ctx_size)
        if row is None:
            return None
        count = len(self._devices) + 1
        caches = [
            bits[0] * k + bits[1] * v for k, v in zip(row[count : 2 * count], row[2 * count :], strict=True)
        ]
        margins = [
            (left, name, index)
            for index, name in enumerate(self._devices, start=1)
            if (left := self._limits.margin(name, row[index] + caches[index], caches[index])) is not None
        ]
        margin, tightest, index = min(margins, default=(0, "", 0))
        return Foreseen(round(row[0] + caches[0]), math.floor(margin), tightest, caches[index] / ctx_size)

    def _row(self, kind: GraphKind, ctx_size: int) -> Row | None:
        own = self._samples.get(kind)
        if own is not None and (len(own) > 1 or own.knows(ctx_size)):
            return own.row(ctx_size)
        base = self._base(kind, ctx_size)
        there = None if own is None else self._base(kind, own.first)
        if base is None or own is None or there is None:
            return base
        # With one sample of its own, it is the others' line, moved there.
        return [b + at - t for b, at, t in zip(base, own.row(own.first), there, strict=True)]

    def _base(self, kind: GraphKind, ctx_size: int) -> Row | None:
        """Other graphs' row: copies of K and of V add up, so that f16 beside each of them tells of both."""
        plain = self._usable(("f16", "f16"))
        if plain is None:
            other = next((samples for samples in self._samples.values() if len(samples) > 1), None)
            return other.row(ctx_size) if other else None
        row = own = plain.row(ctx_size)
        for side in ((kind[0], "f16"), ("f16", kind[1])):
            beside = self._usable(side) if side != kind else None
            if beside is not None:
                rows = zip(row, beside.row(ctx_size), own, strict=True)
                row = [r + a - p for r, a, p in rows]
        return row

    def _usable(self, kind: GraphKind) -> Samples | None:
        samples = self._samples.get(kind)
        return samples if samples is not None and len(samples) > 1 else None


def _row(report: MemoryReport, names: tuple[str, ...], bits: Bits) -> Row:
    k_bytes = [report.bytes_of(Kind.K, name) for name in (None, *names)]
    v_bytes = [report.bytes_of(Kind.V, name) for name in (None, *names)]
    taken = [report.bytes_of(), *(report.needed_bytes(name) for name in names)]
    rest = [all_of - k - v for all_of, k, v in zip(taken, k_bytes, v_bytes, strict=True)]
    return (*rest, *(size / bits[0] for size in k_bytes), *(size / bits[1] for size in v_bytes))
