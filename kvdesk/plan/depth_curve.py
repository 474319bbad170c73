"""How long this machine takes to read a prompt, learnt from the prompts it has read.

Attention looks back at everything that is in the cache, so a token costs more the deeper it stands. Reading
n tokens behind d others takes c + n·a + n·(d + n/2)·b: starting, the weights, and what is looked back at.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

import msgspec

KEPT = 64  # observations a curve rests on, the latest
FEWEST = 3  # of them, before anything is said
_TERMS = 3


class Reading(msgspec.Struct, frozen=True):
    """A prompt was read: `tokens` of it behind `depth` others, in `time_s` seconds."""

    depth: int
    tokens: int
    time_s: float


class DepthCurve(msgspec.Struct, frozen=True):
    """What was read lately under one model, one set of options and one machine, oldest first."""

    readings: tuple[Reading, ...] = ()
    decode_tokens_per_s: float | None = None  # of the latest answer

    def with_reading(self, depth: int, tokens: int, time_s: float) -> "DepthCurve":
        """The curve after another prompt; one that took no time or had no tokens teaches nothing."""
        if tokens <= 0 or time_s <= 0:
            return self
        readings = (*self.readings, Reading(depth, tokens, time_s))[-KEPT:]
        return msgspec.structs.replace(self, readings=readings)

    def with_decode(self, tokens: int, time_s: float) -> "DepthCurve":
        """The curve after another answer; a very short one says little of the speed."""
        if tokens < 8 or time_s <= 0:
            return self
        return msgspec.structs.replace(self, decode_tokens_per_s=tokens / time_s)

    def seconds(self, depth: int, tokens: int) -> float | None:
        """How long reading `tokens` behind `depth` others takes; None while too little is known."""
        if tokens <= 0:
            return 0.0
        if len(self.readings) < FEWEST:
            return None
        return sum(
            weight * term for weight, term in zip(_fit(self.readings), _terms(depth, tokens), strict=True)
        )

    def tokens_per_s(self, depth: int, tokens: int = 512) -> float | None:
        """The speed of reading a batch of `tokens` at a depth; None while too little is known."""
        time_s = self.seconds(depth, tokens)
        return tokens / time_s if time_s else None


def _terms(depth: int, tokens: int) -> tuple[float, float, float]:
    return 1.0, float(tokens), tokens * (depth + tokens / 2)


def _fit(readings: Sequence[Reading]) -> tuple[float, ...]:
    """The three weights, none negative, that come nearest to the readings relative to how long each took.

    With three unknowns every choice of those that are not zero can be tried.
    """
    rows = [[term / r.time_s for term in _terms(r.depth, r.tokens)] for r in readings]
    best, least = (0.0,) * _TERMS, float("inf")
    for count in range(1, _TERMS + 1):
        for used in combinations(range(_TERMS), count):
            found = _solve([[row[column] for column in used] for row in rows])
            if found is None or min(found) < 0:
                continue
            weights = [0.0] * _TERMS
            for column, weight in zip(used, found, strict=True):
                weights[column] = weight
            error = sum((sum(w * x for w, x in zip(weights, row, strict=True)) - 1) ** 2 for row in rows)
            if error < least * (1 - 1e-9):
                best, least = tuple(weights), error
    return best


def _solve(rows: Iterable[Sequence[float]]) -> list[float] | None:
    """Least squares of rows · x = 1 by the normal equations, columns scaled; None where they say nothing."""
    rows = list(rows)
    size = len(rows[0])
    scales = [max(abs(row[column]) for row in rows) or 1.0 for column in range(size)]
    scaled = [[value / scale for value, scale in zip(row, scales, strict=True)] for row in rows]
    table = [
        [sum(row[i] * row[j] for row in scaled) for j in range(size)] + [sum(row[i] for row in scaled)]
        for i in range(size)
    ]
    for column in range(size):  # Gauss with pivots
        pivot = max(range(column, size), key=lambda line: abs(table[line][column]))
        if abs(table[pivot][column]) < 1e-9:
            return None
        table[column], table[pivot] = table[pivot], table[column]
        for line in range(size):
            if line != column:
                factor = table[line][column] / table[column][column]
                table[line] = [a - factor * b for a, b in zip(table[line], table[column], strict=True)]
    return [table[i][size] / table[i][i] / scales[i] for i in range(size)]
