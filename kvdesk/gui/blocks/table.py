"""A table: columns as wide as their text where there is room, else wrapped, at worst scrolled sideways."""

from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from kvdesk.gui.blocks.inline import Inline, length_utf16
from kvdesk.gui.blocks.marks import Marks, marks_within
from kvdesk.gui.blocks.sideways import Sideways
from kvdesk.gui.blocks.style import Style
from kvdesk.gui.blocks.view import BlockView
from kvdesk.gui.markdown import Alignment, TableBlock
from kvdesk.gui.spans import Spans, spans_text

_PAD_X, _PAD_Y = 10.0, 5.0
_WIDEST_WORD = 260.0
_SLACK = 2.0  # kerning over the ends of spans, which measuring them one by one does not see


class _Cell:
    """A cell: measured at once, laid out when it is wrapped or seen."""

    def __init__(self, spans: Spans, style: Style, align: Alignment, *, is_header: bool) -> None:
        self.spans = spans
        self.text = spans_text(spans)
        self.length = length_utf16(self.text)
        self._style, self._align, self._is_header = style, align, is_header
        self._inline: Inline | None = None
        self._width = 0.0
        self.natural, self.least = self._measure()

    def _measure(self) -> tuple[float, float]:
        """Return the widths of the text on one line and of its longest word, in pixels."""
        natural, least = _SLACK, 0.0
        for span in self.spans:
            look = replace(span, text="", source="", bold=span.bold or self._is_header)
            metrics = QFontMetricsF(self._style.char_format(look, 0).font())
            natural += metrics.horizontalAdvance(span.text)
            words = sorted(span.text.split(), key=len)[-2:]
            least = max([least, *(metrics.horizontalAdvance(word) + _SLACK for word in words)])
        return natural, min(least, natural, _WIDEST_WORD)

    def lay_out(self, width: float) -> float:
        """Arrange for a column of some width; return the height."""
        if width != self._width:
            self._width, self._inline = width, None
        if self.natural <= width and "\n" not in self.text:
            return self._style.pitch
        return self.inline.height

    @property
    def inline(self) -> Inline:
        """The laid-out text."""
        if self._inline is None:
            self._inline = Inline(self.spans, self._style, bold=self._is_header, align=self._align)
            self._inline.lay_out(self._width)
        return self._inline


class TableView(BlockView):
    """Header in semibold, lines between rows; copying gives cells with tabs between them."""

    def __init__(self, block: TableBlock, style: Style) -> None:
        self._style = style
        self._sideways = Sideways()
        self._alignments = block.alignments
        self._columns = len(block.alignments)
        self._cells: list[list[_Cell]] = []
        self._lefts: list[float] = []
        self._tops: list[float] = []
        self.update(block)

    def update(self, block: TableBlock) -> bool:
        """Take another state of the same table, keeping equal rows; False when its columns are others."""
        if block.alignments != self._alignments:
            return False
        known = len(self._cells)
        cells = []
        for number, row in enumerate(block.rows):
            old = self._cells[number] if number < known else ()
            if tuple(cell.spans for cell in old) == row:
                cells.append(self._cells[number])
            else:
                cells.append(self._make_row(row, is_header=number == 0))
        self._cells = cells
        self.text = "\n".join("\t".join(cell.text for cell in row) for row in cells)
        self._starts = [0, *accumulate(cell.length + 1 for row in cells for cell in row)]
        self.length = max(0, self._starts[-1] - 1)
        return True

    def _make_row(self, row: tuple[Spans, ...], *, is_header: bool) -> list[_Cell]:
        pairs = zip(row, self._alignments, strict=False)
        return [_Cell(spans, self._style, align, is_header=is_header) for spans, align in pairs]

    def _column_widths(self, room: float) -> list[float]:
        columns = range(self._columns)
        natural = [max(row[column].natural for row in self._cells) for column in columns]
        room -= 2 * _PAD_X * (self._columns - 1)
        if sum(natural) <= room:
            return natural
        least = [max(row[column].least for row in self._cells) for column in columns]
        spare = room - sum(least)
        wishes = [whole - few for whole, few in zip(natural, least, strict=True)]
        if spare <= 0 or sum(wishes) <= 0:
            return least
        return [few + spare * wish / sum(wishes) for few, wish in zip(least, wishes, strict=True)]

    def lay_out(self, width: float) -> float:
        columns = self._column_widths(width)
        # The outer cells have no padding outwards, so that the text stands in line with other text.
        self._lefts = list(accumulate((column + 2 * _PAD_X for column in columns), initial=-_PAD_X))
        heights = []
        for row in self._cells:
            laid = [cell.lay_out(column) for cell, column in zip(row, columns, strict=False)]
            heights.append(max(laid, default=0.0) + 2 * _PAD_Y)
        self._tops = [0.0, *accumulate(heights)]
        self._sideways.set_widths(self._lefts[-1] - _PAD_X, width)
        self.height = self._tops[-1] + (8 if self._sideways.most > 0 else 0)
        return self.height

    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, colour: QColor, marks: Marks) -> None:
        style = self._style
        painter.save()
        shown = QRectF(at.x() - 1, at.y(), self._sideways.room + 1, self.height)
        painter.setClipRect(shown, Qt.ClipOperation.IntersectClip)
        left = at.x() - self._sideways.offset
        for number, row in enumerate(self._cells):
            top, bottom = at.y() + self._tops[number], at.y() + self._tops[number + 1]
            if bottom < clip.top() or top > clip.bottom():
                continue
            for column, cell in enumerate(row):
                corner = QPointF(left + self._lefts[column] + _PAD_X, top + _PAD_Y)
                cell.inline.paint(painter, corner, clip, colour, self._in_cell(marks, number, column))
            line = style.muted if number == 0 else style.rule
            painter.fillRect(QRectF(left, bottom - 1, self._lefts[-1] - _PAD_X, 1), line)
        self._sideways.paint_bar(painter, at.x(), at.y() + self.height, style.bar)
        painter.restore()

    def _start(self, row: int, column: int) -> int:
        return self._starts[row * self._columns + column]

    def _in_cell(self, marks: Marks, row: int, column: int) -> Marks:
        return marks_within(marks, self._start(row, column), self._cells[row][column].length)

    def _cell_at(self, x: float, y: float) -> tuple[int, int, QPointF]:
        """Return the row and column nearest to a point, and the point in the cell's coordinates."""
        x += self._sideways.offset
        row = sum(1 for top in self._tops[1:-1] if y >= top)
        column = sum(1 for left in self._lefts[1:-1] if x >= left)
        return row, column, QPointF(x - self._lefts[column] - _PAD_X, y - self._tops[row] - _PAD_Y)

    def position_at(self, x: float, y: float) -> int:
        row, column, local = self._cell_at(x, y)
        return self._start(row, column) + self._cells[row][column].inline.position_at(local.x(), local.y())

    def top_of(self, position: int) -> float:
        cell = max(0, bisect_right(self._starts, position) - 1)
        return self._tops[min(cell // max(1, self._columns), len(self._tops) - 1)]

    def link_at(self, x: float, y: float) -> str:
        row, column, local = self._cell_at(x, y)
        return self._cells[row][column].inline.link_at(local.x(), local.y())

    @property
    def baseline(self) -> float:
        return _PAD_Y + self._cells[0][0].inline.baseline if self._columns else 0.0

    def scroll_sideways(self, pixels: float) -> bool:
        return self._sideways.move(pixels)
