"""Searches the rows of a conversation little by little, so that a long chat never holds the window.

Rows need not be laid out. A row whose source cannot hold the words is not even parsed.
"""

import re
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from kvdesk.gui.blocks.inline import length_utf16
from kvdesk.gui.row_marks import NO_MARKS, Found, Place, RowMarks
from kvdesk.gui.rows import Row, TextRow

_MARKUP = str.maketrans(dict.fromkeys("*_~`\\[]()<>^|#"))
_CHANGING = re.compile(r"[$&]|\\[(\[]|\]\(")  # what is seen has other letters than what is written, or fewer


@dataclass(frozen=True, slots=True)
class Hit:
    """A found place: the row's index and the place in it."""

    row: int
    found: Found


class Finder:
    """What is searched for and where it was found; rows are held by identity, for they are shared."""

    def __init__(self) -> None:
        self.query = ""
        self._pattern: re.Pattern[str] | None = None
        self._bare = ""
        self._rows: list[Row] = []
        self._found: dict[Row, tuple[Found, ...]] = {}
        self._versions: dict[Row, object] = {}
        self._waiting: deque[Row] = deque()
        self._current: tuple[Row, Found] | None = None

    def seek(self, query: str, *, match_case: bool, rows: list[Row]) -> None:
        """Begin to search; an empty query finds nothing."""
        self.query = query
        flags = re.NOFLAG if match_case else re.IGNORECASE
        self._pattern = re.compile(re.escape(query), flags) if query else None
        self._bare = _bare(query)
        self._found.clear()
        self._versions.clear()
        self._waiting.clear()
        self._current = None
        self.follow(rows)

    def follow(self, rows: list[Row]) -> None:
        """Take the rows as they are now; only new and changed ones are searched."""
        self._rows = rows
        if self._pattern is None:
            return
        versions = self._versions
        for row in rows:
            if row not in versions or versions[row] is not row.version:
                versions[row] = row.version
                self._waiting.append(row)
        if len(versions) > len(rows):
            kept = set(rows)
            self._versions = {row: version for row, version in versions.items() if row in kept}
            self._found = {row: found for row, found in self._found.items() if row in kept}
            if self._current is not None and self._current[0] not in kept:
                self._current = None

    @property
    def is_done(self) -> bool:
        """Whether every row has been searched."""
        return not self._waiting

    def work(self, budget_s: float) -> bool:
        """Search for a while; True when something else is found than before."""
        end_s = time.perf_counter() + budget_s
        changed = False
        while self._waiting and time.perf_counter() < end_s:
            row = self._waiting.popleft()
            found = self._search(row)
            if found != self._found.get(row, ()):
                self._found[row] = found
                changed = True
        return changed

    def _search(self, row: Row) -> tuple[Found, ...]:
        if self._pattern is None or not self._may_hold(row):
            return ()
        return tuple(
            Found(block, length_utf16(text[: match.start()]), length_utf16(text[: match.end()]))
            for block, text in enumerate(row.searched_texts())
            for match in self._pattern.finditer(text)
        )

    def _may_hold(self, row: Row) -> bool:
        """Whether parsing is worth it. Letters are never fewer in the source than in what is seen."""
        if not isinstance(row, TextRow) or not row.source or not self._bare:
            return True
        return self._bare in _bare(row.source) or _CHANGING.search(row.source) is not None

    # ------------------------------------------------------------------------------------------- results

    def marks(self, row: Row, selected: tuple[Place, Place] | None) -> RowMarks:
        """Return what is to be marked in a row."""
        found = self._found.get(row, ())
        if not found and selected is None:
            return NO_MARKS
        current = self._current[1] if self._current is not None and self._current[0] is row else None
        return RowMarks(selected, found, current)

    @property
    def hits(self) -> Sequence[Hit]:
        """Everything found so far, from the top to the bottom."""
        found = self._found
        return [Hit(at, each) for at, row in enumerate(self._rows) for each in found.get(row, ())]

    def number_of_current(self, hits: Sequence[Hit]) -> int:
        """Return which of the hits is looked at, from 1; 0 when none is."""
        if self._current is None:
            return 0
        row, found = self._current
        numbers = (n for n, hit in enumerate(hits, 1) if hit.found == found and self._rows[hit.row] is row)
        return next(numbers, 0)

    def step(self, by: int, near_row: int) -> Hit | None:
        """Go to the next hit (`by` 1) or the one before (-1), at first from a row on; None without hits."""
        hits = self.hits
        if not hits:
            return None
        number = self.number_of_current(hits)
        if number:
            at = (number - 1 + by) % len(hits)
        else:
            after = next((n for n, hit in enumerate(hits) if hit.row >= near_row), len(hits))
            at = (after if by > 0 else after - 1) % len(hits)
        self._current = (self._rows[hits[at].row], hits[at].found)
        return hits[at]


def _bare(text: str) -> str:
    """Return a text without what Markdown may add to it, for a quick look."""
    return "".join(text.translate(_MARKUP).casefold().split())
