"""Numbers into lines for the live graph: each quantity has its own scale within a lane.

In plain Python, because the small graph is always there and numpy would cost the window 16 MB.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]  # across from 0 to 1, and the height from 0 to 1
Pieces = tuple[tuple[Point, ...], ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """A horizontal band of the graph, in heights from 0 to 1."""

    bottom: float
    top: float

    def height(self, value: float, most: float) -> float:
        """Place a value between 0 and `most` in the band."""
        share = min(max(value / max(most, 1e-9), 0.0), 1.0)
        return self.bottom + share * (self.top - self.bottom)


MEMORY_LANE = Lane(0.38, 1.0)
SPEED_LANE = Lane(0.01, 0.3)


def line(
    places: Sequence[float], values: Sequence[float], most: float, lane: Lane, most_points: int
) -> Pieces:
    """The line through values at their places across; it is broken where a reading is missing."""
    pieces: list[list[Point]] = [[]]
    for row in shown_rows(values, most_points):
        if not math.isnan(values[row]):
            pieces[-1].append((places[row], lane.height(values[row], most)))
        elif pieces[-1]:
            pieces.append([])
    return tuple(tuple(piece) for piece in pieces if piece)


def shown_rows(values: Sequence[float], most_points: int) -> Sequence[int]:
    """The rows that show: of every stretch those of its lowest and highest value, and the last row."""
    count = len(values)
    if count <= most_points or most_points < 4:
        return range(count)
    stretch = -(-count // (most_points // 2))
    rows: list[int] = []
    for start in range(0, count - 1, stretch):
        part = values[start : min(start + stretch, count - 1)]
        total = sum(part)
        if math.isnan(total):  # some are missing, and min and max would trip over them
            known = [value for value in part if not math.isnan(value)]
            rows.append(start + next(row for row, value in enumerate(part) if math.isnan(value)))
        else:
            known = list(part)
        if known:
            rows += {start + part.index(min(known)), start + part.index(max(known))}
    return [*sorted(rows), count - 1]


def latest(values: Sequence[float]) -> float | None:
    """The last reading, None when it is missing."""
    return None if len(values) == 0 or math.isnan(values[-1]) else values[-1]


def highest(values: Sequence[float]) -> float:
    """The highest reading, 0 when there is none."""
    return max((value for value in values if not math.isnan(value)), default=0.0)
