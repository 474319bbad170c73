"""A listing: never wrapped, scrolled sideways, highlighted as time allows, laid out where it is seen."""

from bisect import bisect_right
from itertools import accumulate

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QTextCharFormat, QTextLayout, QTextOption

from kvdesk.gui.blocks.highlight import Highlighter, Runs
from kvdesk.gui.blocks.inline import length_utf16
from kvdesk.gui.blocks.marks import Marks, format_range, mark_ranges, marks_within
from kvdesk.gui.blocks.sideways import Sideways
from kvdesk.gui.blocks.style import Style
from kvdesk.gui.blocks.view import BlockView
from kvdesk.gui.theme import Radius

_PAD_X, _PAD_Y, _HEADER = 14.0, 10.0, 28.0
_ICON = 13
_TAB_COLUMNS = 4
_UNBOUNDED = 1e6


class CodeView(BlockView):
    """A card with a header (language, copy) and the code under it."""

    def __init__(self, code: str, language: str, style: Style) -> None:
        self.code, self.language = code, language
        self.is_copied = False  # shown for a moment on the copy button
        self._style = style
        self._sideways = Sideways()
        self.box_width = 0.0
        self._layouts: dict[int, QTextLayout] = {}
        self._runs: list[Runs] = []
        self._lexer = style.lexers.find(language) if language else None
        self._job = Highlighter(code, self._lexer)
        self._job_code = code
        self._header = style.px(_HEADER) if language else _PAD_Y
        self._set_lines()

    def _set_lines(self) -> None:
        self._lines = self.code.split("\n")
        self._starts = [0, *accumulate(length_utf16(line) + 1 for line in self._lines)]
        self.text, self.length = self.code, self._starts[-1] - 1
        longest = [*sorted(self._lines, key=len)[-3:], max(self._lines, key=length_utf16)]
        metrics = self._style.code_metrics
        self._content = max(
            metrics.horizontalAdvance(line.replace("\t", " " * _TAB_COLUMNS)) for line in longest
        )

    def update(self, code: str) -> None:
        """Take code that has grown at its end; what is coloured stays so until the new colours are there."""
        kept = code.startswith(self.code)
        last = len(self._lines) - 1
        self.code = code
        self._set_lines()
        if kept:
            self._layouts.pop(last, None)
        else:
            self._layouts.clear()
            self._runs.clear()
        if self._job.is_done:
            self._start_job()

    @property
    def is_highlighted(self) -> bool:
        """Whether every line has its colours."""
        return self._job.is_done and self._job_code == self.code

    def _start_job(self) -> None:
        self._job = Highlighter(self.code, self._lexer)
        self._job_code = self.code

    def work(self, budget_s: float) -> bool:
        if self._job.is_done and self._job_code != self.code:
            self._start_job()
        if not self._job.work(budget_s):
            return False
        # The last line may still grow; earlier ones are as they will be.
        lines = self._job.lines if self._job.is_done else self._job.lines[:-1]
        changed = False
        for number, runs in enumerate(lines):
            if number >= len(self._runs):
                self._runs.append([])
            if runs != self._runs[number]:
                self._runs[number] = runs
                self._layouts.pop(number, None)
                changed = True
        return changed

    def lay_out(self, width: float) -> float:
        wanted = self._content + 2 * _PAD_X
        self.box_width = width = min(width, max(wanted, self.comfortable))
        self._sideways.set_widths(wanted, width)
        self.height = self._header + len(self._lines) * self._style.code_pitch + _PAD_Y
        return self.height

    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, colour: QColor, marks: Marks) -> None:
        style = self._style
        box = QRectF(at.x(), at.y(), self.box_width, self.height)
        painter.setPen(style.rule)
        painter.setBrush(style.panel)
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), Radius.CONTROL, Radius.CONTROL)
        painter.save()
        painter.setClipRect(box.adjusted(1, 1, -1, -1), Qt.ClipOperation.IntersectClip)
        pitch = style.code_pitch
        top = at.y() + self._header
        first = max(0, int((clip.top() - top) // pitch))
        last = min(len(self._lines), int((clip.bottom() - top) // pitch) + 1)
        painter.setPen(style.text)
        left = at.x() + _PAD_X - self._sideways.offset
        for number in range(first, last):
            ranges = mark_ranges(self._in_line(marks, number), style)
            self._layout(number).draw(painter, QPointF(left, top + number * pitch), ranges)
        self._forget_layouts(first, last)
        self._sideways.paint_bar(painter, at.x(), box.bottom(), style.bar)
        self._paint_header(painter, at)
        painter.restore()

    def _paint_header(self, painter: QPainter, at: QPointF) -> None:
        """Draw language and copy button; without a language the button stands alone over the first line."""
        style = self._style
        painter.setFont(style.note)
        painter.setPen(style.muted)
        header, size = style.px(_HEADER), style.px(_ICON)
        row = QRectF(at.x() + _PAD_X, at.y() + 2, self.box_width - 2 * _PAD_X, header - 2)
        painter.drawText(row, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.language)
        caption = ""
        if self.is_copied:
            caption = QCoreApplication.translate("CodeView", "Copied")
        elif self.language:
            caption = QCoreApplication.translate("CodeView", "Copy")
        width = QFontMetricsF(style.note).horizontalAdvance(caption)
        icon = QRectF(row.right() - width - (size + 5 if caption else size), 0, size, size)
        icon.moveTop(row.center().y() - size / 2)
        if not self.language:
            painter.fillRect(
                QRectF(icon.x() - 8, at.y() + 2, row.right() - icon.x() + 12, header - 6), style.panel
            )
        painter.drawText(row, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, caption)
        style.copy_icon.paint(painter, icon.toRect())

    def _layout(self, number: int) -> QTextLayout:
        found = self._layouts.get(number)
        if found is None:
            found = self._layouts[number] = self._make_layout(number)
        return found

    def _make_layout(self, number: int) -> QTextLayout:
        text = self._lines[number]
        layout = QTextLayout(text, self._style.code)
        layout.setCacheEnabled(True)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.NoWrap)
        option.setTextDirection(Qt.LayoutDirection.LeftToRight)
        option.setTabStopDistance(self._style.code_metrics.horizontalAdvance(" ") * _TAB_COLUMNS)
        layout.setTextOption(option)
        formats = []
        for start, length, role in self._runs[number] if number < len(self._runs) else ():
            form = QTextCharFormat()
            form.setForeground(self._style.code_colour(role))
            start_utf16 = length_utf16(text[:start])
            formats.append(format_range(start_utf16, length_utf16(text[start : start + length]), form))
        layout.setFormats(formats)
        layout.beginLayout()
        line = layout.createLine()
        line.setLineWidth(_UNBOUNDED)  # a line has no height before it has a width
        line.setPosition(QPointF(0, (self._style.code_pitch - line.height()) / 2))
        layout.endLayout()
        return layout

    def _forget_layouts(self, first: int, last: int) -> None:
        if len(self._layouts) > 4 * (last - first) + 64:
            self._layouts = {n: each for n, each in self._layouts.items() if first <= n < last}

    def _in_line(self, marks: Marks, number: int) -> Marks:
        start = self._starts[number]
        return marks_within(marks, start, self._starts[number + 1] - 1 - start)

    def top_of(self, position: int) -> float:
        return self._header + (bisect_right(self._starts, position) - 1) * self._style.code_pitch

    def position_at(self, x: float, y: float) -> int:
        number = int((y - self._header) // self._style.code_pitch)
        if number < 0:
            return 0
        if number >= len(self._lines):
            return self.length
        line = self._layout(number).lineAt(0)
        return self._starts[number] + line.xToCursor(x - _PAD_X + self._sideways.offset)

    def is_copy_button(self, x: float, y: float) -> bool:
        width = self._style.px(70 if self.language else 36)
        return 0 <= y < self._style.px(_HEADER) and self.box_width - width <= x <= self.box_width

    def end_rect(self) -> QRectF:
        last = len(self._lines) - 1
        line = self._layout(last).lineAt(0)
        x = _PAD_X - self._sideways.offset + line.naturalTextWidth()
        return QRectF(x, self._header + last * self._style.code_pitch + 2, 7, self._style.code_pitch - 4)

    def scroll_sideways(self, pixels: float) -> bool:
        return self._sideways.move(pixels)
