"""Where the rows of a conversation stand, and which of them are laid out.

Only rows in view are laid out; the heights of the others are estimates. What is on the screen is therefore
held by an anchor (a row and a distance into it), never by a scroll position: an estimate that turns out wrong
moves nothing in view.
"""

from bisect import bisect_right
from itertools import accumulate

from kvdesk.gui.blocks.style import Style
from kvdesk.gui.blocks.view import BlockView
from kvdesk.gui.rows import Row

_TOP, _BOTTOM = 24.0, 20.0
_KEPT_ROWS = 24  # laid-out rows kept on either side of those in view, for scrolling to and fro
_MOST_PASSES = 12  # laying out changes what is in view; each pass sees fewer unknown rows


class RowStack:
    """Rows under each other, seen through a window of `height` pixels."""

    def __init__(self, style: Style, width: int) -> None:
        self.rows: list[Row] = []
        self.follows = True  # the end stays in view while it grows
        self.height = 0
        self._style = style
        self._width = width
        self._tops: list[float] = [_TOP]  # of every row, and the end of the last
        self._measured = 0  # rows whose tops are right
        self._anchor: tuple[int, float] = (0, 0.0)
        self._laid: set[Row] = set()

    # ----------------------------------------------------------------------------------------- changing

    def set_rows(self, rows: list[Row], kept: int) -> None:
        """Take other rows, of which the first `kept` are as they were."""
        self.rows = rows
        for row in rows[kept:]:
            if row.height == 0.0:
                row.estimate(self._width, self._style)
        self._measured = min(self._measured, kept)

    def set_look(self, style: Style, width: int) -> None:
        """Take another style or width: nothing that was laid out can stay."""
        self._style, self._width = style, width
        for row in self.rows:
            row.release()
            row.estimate(width, style)
        self._laid.clear()
        self._measured = 0

    def remeasure(self, index: int) -> None:
        """Take the height anew of a row that was laid out out of view."""
        self._measured = min(self._measured, index)

    def settle(self) -> None:
        """Lay out what is in view, and give up what is far from it."""
        for _ in range(_MOST_PASSES):
            self._measure()
            first, last = self.range_in_view()
            unlaid = [index for index in range(first, last) if not self.rows[index].is_laid]
            if not unlaid:
                break
            for index in unlaid:
                self.lay_out(self.rows[index])
            self._measured = min(self._measured, unlaid[0])
        self._release_far_rows()

    def lay_out(self, row: Row) -> None:
        """Lay out one row, in view or not."""
        row.lay_out(self._width, self._style)
        self._laid.add(row)

    def scroll_to(self, offset: float) -> None:
        """Show what stands `offset` pixels below the beginning; the very end is followed from then on."""
        self.follows = offset >= self.most_offset - 4
        index = max(0, min(bisect_right(self._tops, offset) - 1, len(self.rows) - 1))
        self._anchor = (index, offset - self._tops[index])

    def show_row(self, index: int, into: float) -> None:
        """Show a row's point, `into` pixels below its beginning, a third of the way down."""
        self.follows = False
        self._anchor = (index, into - self.height / 3)

    def read_on(self, place: tuple[int, float]) -> None:
        """Show a `reading_place` at the top again, in another look, too."""
        index = min(place[0], len(self.rows) - 1)
        if index < 0:
            return
        self.follows = False
        self.lay_out(self.rows[index])
        self._measured = min(self._measured, index)
        self._anchor = (index, place[1] * self.rows[index].height)

    # ------------------------------------------------------------------------------------------ looking

    @property
    def reading_place(self) -> tuple[int, float] | None:
        """The row at the top and how much of it, in parts, is above; None while the end is followed."""
        if self.follows or not self.rows:
            return None
        index = self.index_at(0.0)
        return index, -self.top_of(index) / max(1.0, self.rows[index].height)

    @property
    def total(self) -> float:
        """The height of everything."""
        return self._tops[-1] + _BOTTOM

    @property
    def most_offset(self) -> float:
        """The offset at which the end is in view."""
        return max(0.0, self.total - self.height)

    @property
    def offset(self) -> float:
        """How far the rows are scrolled."""
        if self.follows:
            return self.most_offset
        index, into = self._anchor
        top = self._tops[index] if index < len(self._tops) else 0.0
        return min(self.most_offset, max(0.0, top + into))

    def top_of(self, index: int) -> float:
        """Return where a row begins, from the top of the window."""
        return self._tops[index] - self.offset

    def index_at(self, y: float) -> int:
        """Return the row at a height of the window, the nearest where there is none."""
        return max(0, min(bisect_right(self._tops, y + self.offset) - 1, len(self.rows) - 1))

    def range_in_view(self) -> tuple[int, int]:
        """Return the first row in view and the one after the last."""
        offset = self.offset
        first = max(0, bisect_right(self._tops, offset) - 1)
        return first, min(bisect_right(self._tops, offset + self.height), len(self.rows))

    def views_in_view(self) -> list[BlockView]:
        """Return the blocks of the rows in view."""
        first, last = self.range_in_view()
        return [view for row in self.rows[first:last] for view, _ in row.views()]

    def _measure(self) -> None:
        """Bring the tops up to date, from the first row on that has changed."""
        known = min(self._measured, len(self._tops) - 1)
        heights = (row.height for row in self.rows[known:])
        self._tops[known:] = accumulate(heights, initial=self._tops[known])
        self._measured = len(self.rows)

    def _release_far_rows(self) -> None:
        if len(self._laid) <= 3 * _KEPT_ROWS:
            return
        first, last = self.range_in_view()
        near = set(self.rows[max(0, first - _KEPT_ROWS) : last + _KEPT_ROWS])
        for row in self._laid - near:
            row.release()
        self._laid &= near
