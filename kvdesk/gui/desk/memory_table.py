"""The figures under a memory bar: a row for each kind, a column for each degree of truth."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from kvdesk.gui import theme
from kvdesk.gui.desk.memory_rows import DEGREES, DeviceUse, MemoryRow
from kvdesk.gui.theme import TextSize
from kvdesk.memory.report import TOTAL_KINDS
from kvdesk.units import MIB, format_mib

_ROW_HEIGHT = 20
_SWATCH = 8
_SMALL_BYTES = 100 * MIB
_FIGURE_WIDTH = 64
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)
_Index = QModelIndex | QPersistentModelIndex


class MemoryItems(QAbstractTableModel):
    """Rows of one device for the view. A sum stands under llama.cpp's own buffers, the rest beneath it."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[MemoryRow, ...] = ()
        self.is_measured_stale = False

    def show_rows(self, rows: tuple[MemoryRow, ...], *, is_measured_stale: bool) -> None:
        """Take new rows. A stale measurement is of another configuration than the one on the desk."""
        if rows == self.rows and is_measured_stale == self.is_measured_stale:
            return
        same_shape = [row.label for row in rows] == [row.label for row in self.rows]
        if not same_shape:
            self.beginResetModel()
        self.rows, self.is_measured_stale = rows, is_measured_stale
        if same_shape:
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, 3))
        else:
            self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        """Kinds, and the sum."""
        return 0 if parent.isValid() else len(self.rows) + (self.sum_line is not None)

    @property
    def sum_line(self) -> int | None:
        """The line of the sum; None where there are not two rows to add."""
        summed = len(self._summed())
        return summed if summed > 1 else None

    def row_at(self, line: int) -> MemoryRow | None:
        """The row that a line shows, None for the sum."""
        if self.sum_line is None or line < self.sum_line:
            return self.rows[line]
        return None if line == self.sum_line else self.rows[line - 1]

    def _summed(self) -> list[MemoryRow]:
        return [row for row in self.rows if row.kind in TOTAL_KINDS]

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        """The kind and three degrees."""
        return 0 if parent.isValid() else 1 + len(DEGREES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> Any:
        """Name the columns."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (self.tr("MiB"), self.tr("estimated"), self.tr("planned"), self.tr("measured"))[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                "",
                self.tr("Computed from the model's header."),
                self.tr("llama.cpp's own answer, nothing allocated."),
                self.tr("What was really allocated."),
            )[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        if role == Qt.ItemDataRole.FontRole:
            return theme.current().font(TextSize.NOTE)
        return None

    def data(self, index: _Index, role: int = _DISPLAY) -> Any:
        """Return text, tooltip, alignment and colour of a cell."""
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tooltip(row, column)
        if role == Qt.ItemDataRole.ForegroundRole:
            return theme.colour(self._role(row, column))
        return None

    def _text(self, line: int, column: int) -> str:
        row = self.row_at(line)
        if column == 0:
            return row.label if row else self.tr("Together")
        figure = self._figure(row.sizes[column - 1] if row else self._total(column - 1))
        return f"≈ {figure}" if row and row.is_rough and column == 1 else figure

    def _figure(self, size_bytes: int | None) -> str:
        """Whole MiB; with two decimals where the whole device's use is small."""
        totals = [self._total(degree) or 0 for degree in range(len(DEGREES))]
        if size_bytes is None or max(totals) >= _SMALL_BYTES:
            return format_mib(size_bytes)
        return f"{size_bytes / MIB:.2f}"

    def _total(self, degree: int) -> int | None:
        sizes = [row.sizes[degree] for row in self._summed()]
        known = [size for size in sizes if size is not None]
        return sum(known) if known else None

    def _tooltip(self, line: int, column: int) -> str:
        row = self.row_at(line)
        if row is None:
            return self.tr("llama.cpp's own buffers together")
        if column == 0:
            return next((why for why in reversed(row.whys) if why), "")
        text = row.whys[column - 1]
        if row.differs(column - 1) and not self._is_stale(column):
            before, now = row.sizes[column - 2], row.sizes[column - 1]
            assert before is not None
            assert now is not None
            difference = f"{(now - before) / MIB:+,.2f}"
            words = self.tr("{difference} MiB against the column before").format(difference=difference)
            text = f"{words}\n{text}".strip()
        return text

    def _role(self, line: int, column: int) -> str:
        row = self.row_at(line)
        if column == 0 or row is None:
            return "text"
        if self._is_stale(column) or row.sizes[column - 1] is None:
            return "muted"
        return "warn" if row.differs(column - 1) else "text"

    def _is_stale(self, column: int) -> bool:
        return self.is_measured_stale and column == len(DEGREES)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class _KindDelegate(QStyledItemDelegate):
    """Draws a cell: a swatch before the kind, figures at the right edge, a quiet line above the sum."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        items = index.model()
        assert isinstance(items, MemoryItems)
        rect = option.rect
        row = items.row_at(index.row())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        view = self.parent()
        if isinstance(view, MemoryTable) and view.hasFocus() and view.currentIndex() == index:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_tint"))
            painter.drawRoundedRect(rect.adjusted(0, 1, 4 if index.column() else 0, -1), 4, 4)
        if row is None:
            painter.fillRect(rect.x(), rect.y(), rect.width(), 1, theme.colour("line"))
        left, swatch = 0, theme.px(_SWATCH)
        if index.column() == 0 and row is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.current().kind_colour(row.kind))
            painter.drawRoundedRect(rect.x(), rect.center().y() - swatch // 2 + 1, swatch, swatch, 2, 2)
        if index.column() == 0:
            left = swatch + 6
        painter.setFont(theme.current().font(TextSize.TABLE, bold=row is None, figures=True))
        painter.setPen(index.data(Qt.ItemDataRole.ForegroundRole))
        area = rect.adjusted(left, 0, 0, 0)
        text = painter.fontMetrics().elidedText(index.data(), Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, _alignment(index.column()), text)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(theme.px(_FIGURE_WIDTH), theme.px(_ROW_HEIGHT))


class MemoryTable(QTableView):
    """As high as its rows; cells can be reached by keyboard and copied."""

    def __init__(self) -> None:
        super().__init__()
        self._items = MemoryItems()
        self._items.setParent(self)
        self.setModel(self._items)
        self.setItemDelegate(_KindDelegate(self))
        self.setProperty("kind", "figures")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setFont(theme.current().font(TextSize.TABLE, figures=True))
        self.setAccessibleName(self.tr("Memory by kind"))
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        rows.hide()
        rows.setMinimumSectionSize(theme.px(_ROW_HEIGHT))
        rows.setDefaultSectionSize(theme.px(_ROW_HEIGHT))
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        columns.setFixedHeight(theme.px(_ROW_HEIGHT))
        columns.setSectionsClickable(False)
        columns.setMinimumSectionSize(20)
        for column in range(1, 4):
            columns.resizeSection(column, theme.px(_FIGURE_WIDTH))

    @property
    def items(self) -> MemoryItems:
        """The rows as a Qt model."""
        return self._items

    def show_use(self, use: DeviceUse, *, is_measured_stale: bool) -> None:
        """Show one device's rows."""
        self._items.show_rows(use.rows, is_measured_stale=is_measured_stale)
        height = theme.px(_ROW_HEIGHT) * (self._items.rowCount() + 1)
        if self.height() != height:
            self.setFixedHeight(height)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the current figure with the usual key."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.currentIndex().isValid():
            QApplication.clipboard().setText(str(self.currentIndex().data()))
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Take the new theme's colours."""
        if event.type() == QEvent.Type.PaletteChange:
            self.viewport().update()
        super().changeEvent(event)
