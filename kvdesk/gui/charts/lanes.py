"""Numbers into heights for the live graph: each quantity has its own scale within a lane."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lane:
    """A horizontal band of the graph, in heights from 0 to 1."""

    bottom: float
    top: float

    def heights(self, values: Values, most: float) -> Values:
        """Place values between 0 and `most` in the band; NaN stays NaN."""
        return self.bottom + np.clip(values / max(most, 1e-9), 0.0, 1.0) * (self.top - self.bottom)


MEMORY_LANE = Lane(0.38, 1.0)
SPEED_LANE = Lane(0.01, 0.3)


def thinned(time_s: Values, values: Values, most_points: int) -> tuple[Values, Values]:
    """Keep what shows: of every stretch of rows its lowest and highest value, and the last row.

    Rows are few enough most of the time; then they are returned as they are, without a copy.
    """
    count = len(values)
    if count <= most_points or most_points < 4:
        return time_s, values
    stretch = -(-count // (most_points // 2))
    whole = (count - 1) // stretch * stretch
    tail = slice(whole, count)
    folded = np.where(np.isnan(values[:whole]), np.inf, values[:whole]).reshape(-1, stretch)
    low = folded.argmin(axis=1)
    high = np.where(np.isinf(folded), -np.inf, folded).argmax(axis=1)
    start = np.arange(len(folded)) * stretch
    picked = np.sort(np.stack([start + low, start + high], axis=1), axis=1).ravel()
    return np.concatenate([time_s[picked], time_s[tail]]), np.concatenate([values[picked], values[tail]])


def latest(values: Values) -> float | None:
    """The last reading, None when it is missing."""
    if len(values) == 0 or np.isnan(values[-1]):
        return None
    return float(values[-1])


def highest(values: Values) -> float:
    """The highest reading, 0 when there is none."""
    return float(np.nanmax(values)) if len(values) and not np.isnan(values).all() else 0.0
