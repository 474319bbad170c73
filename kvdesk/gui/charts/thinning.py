"""Fewer points for the large graph's lines, with numpy, which comes with pyqtgraph."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


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
