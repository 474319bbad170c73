"""A table: columns as wide as their text where there is room, else wrapped, at worst scrolled sideways."""

from itertools import accumulate

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from kvdesk.gui.blocks.inline import Inline
from kvdesk.gui.blocks.sideways import Sideways
from kvdesk.gui.blocks.style import Style
from kvdesk.gui.blocks.view import BlockView
from kvdesk.gui.markdown import TableBlock

_PAD_X, _PAD_Y = 10.0, 5.0
_WIDEST_WORD = 260.0


class TableView(BlockView):
    """Header in semibold, lines between rows; copying gives cells with tabs between them."""

    def __init__(self, block: TableBlock, style: Style) -> None:
        self._style = style
        self._sideways = Sideways()
        self._cells = [
            [
                Inline(spans, style, bold=number == 0, align=align)
                for spans, align in zip(row, block.alignments, strict=False)
            ]
            for number, row in enumerate(block.rows)
        ]
        self._columns = len(block.alignments)
        widths = [[cell.natural_widths() for cell in row] for row in self._cells]
        self._least = [self._widest(widths, column, 0) for column in range(self._columns)]
        self._natural = [self._widest(widths, column, 1) for column in range(self._columns)]
        self._lefts: list[float] = []
        self._tops: list[float] = []
        lines = ["\t".join(cell.text for cell in row) for row in self._cells]
        self.text = "\n".join(lines)
        lengths = [cell.length + 1 for row in self._cells for cell in row]
        self._starts = [0, *accumulate(lengths)]
        self.length = self._starts[-1] - 1 if lengths else 0

    @staticmethod
    def _widest(widths: list[list[tuple[float, float]]], column: int, which: int) -> float:
        found = max((row[column][which] for row in widths if column < len(row)), default=0.0)
        return min(found, _WIDEST_WORD) if which == 0 else found

    def _column_widths(self, room: float) -> list[float]:
        room -= 2 * _PAD_X * (self._columns - 1)
        if sum(self._natural) <= room:
            return [width + 1 for width in self._natural]
        least = [min(a, b) + 1 for a, b in zip(self._least, self._natural, strict=True)]
        spare = room - sum(least)
        wishes = [natural - few for natural, few in zip(self._natural, least, strict=True)]
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

    def paint(
        self, painter: QPainter, at: QPointF, clip: QRectF, colour: QColor, selection: tuple[int, int] | None
    ) -> None:
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
                cell.paint(painter, corner, clip, colour, self._in_cell(selection, number, column))
            line = style.muted if number == 0 else style.rule
            painter.fillRect(QRectF(left, bottom - 1, self._lefts[-1] - _PAD_X, 1), line)
        self._sideways.paint_bar(painter, at.x(), at.y() + self.height, style.bar)
        painter.restore()

    def _start(self, row: int, column: int) -> int:
        return self._starts[row * self._columns + column]

    def _in_cell(self, selection: tuple[int, int] | None, row: int, column: int) -> tuple[int, int] | None:
        if selection is None:
            return None
        start = self._start(row, column)
        length = self._cells[row][column].length
        return max(0, selection[0] - start), min(length, selection[1] - start)

    def _cell_at(self, x: float, y: float) -> tuple[int, int]:
        row = sum(1 for top in self._tops[1:-1] if y >= top)
        column = sum(1 for left in self._lefts[1:-1] if x + self._sideways.offset >= left)
        return row, column

    def _in_cell_coordinates(self, row: int, column: int, x: float, y: float) -> tuple[float, float]:
        return (
            x + self._sideways.offset - self._lefts[column] - _PAD_X,
            y - self._tops[row] - _PAD_Y,
        )

    def position_at(self, x: float, y: float) -> int:
        row, column = self._cell_at(x, y)
        cell = self._cells[row][column]
        return self._start(row, column) + cell.position_at(*self._in_cell_coordinates(row, column, x, y))

    def link_at(self, x: float, y: float) -> str:
        row, column = self._cell_at(x, y)
        return self._cells[row][column].link_at(*self._in_cell_coordinates(row, column, x, y))

    @property
    def baseline(self) -> float:
        return _PAD_Y + self._cells[0][0].baseline if self._cells and self._cells[0] else 0.0

    def scroll_sideways(self, pixels: float) -> bool:
        return self._sideways.move(pixels)
