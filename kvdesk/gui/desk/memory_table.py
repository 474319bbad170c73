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
from kvdesk.units import MIB, format_mib

ROW_HEIGHT = 20
_SWATCH = 8
_SMALL_BYTES = 100 * MIB
_FIGURE_WIDTH = 64
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)
_Index = QModelIndex | QPersistentModelIndex


class MemoryItems(QAbstractTableModel):
    """Rows of one device for the view; the last one sums them where there are several."""

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
        return 0 if parent.isValid() or not self.rows else len(self.rows) + (len(self.rows) > 1)

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

    def _text(self, row: int, column: int) -> str:
        if row == len(self.rows):
            return self._figure(self._total(column - 1)) if column else self.tr("Together")
        return self._figure(self.rows[row].sizes[column - 1]) if column else self.rows[row].label

    def _figure(self, size_bytes: int | None) -> str:
        """Whole MiB; with two decimals where the whole device's use is small."""
        totals = [self._total(degree) or 0 for degree in range(len(DEGREES))]
        if size_bytes is None or max(totals) >= _SMALL_BYTES:
            return format_mib(size_bytes)
        return f"{size_bytes / MIB:.2f}"

    def _total(self, degree: int) -> int | None:
        sizes = [row.sizes[degree] for row in self.rows]
        known = [size for size in sizes if size is not None]
        return sum(known) if known else None

    def _tooltip(self, row: int, column: int) -> str:
        if row == len(self.rows):
            return ""
        here = self.rows[row]
        if column == 0:
            return next((why for why in reversed(here.whys) if why), "")
        text = here.whys[column - 1]
        if here.differs(column - 1) and not self._is_stale(column):
            before, now = here.sizes[column - 2], here.sizes[column - 1]
            assert before is not None
            assert now is not None
            difference = f"{(now - before) / MIB:+,.2f}"
            words = self.tr("{difference} MiB against the column before").format(difference=difference)
            text = f"{words}\n{text}".strip()
        return text

    def _role(self, row: int, column: int) -> str:
        if column == 0:
            return "text"
        if self._is_stale(column):
            return "muted"
        if row < len(self.rows):
            if self.rows[row].sizes[column - 1] is None:
                return "muted"
            if self.rows[row].differs(column - 1):
                return "warn"
        return "text"

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
        is_sum = index.row() == len(items.rows)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        view = self.parent()
        if isinstance(view, MemoryTable) and view.hasFocus() and view.currentIndex() == index:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_tint"))
            painter.drawRoundedRect(rect.adjusted(0, 1, 4 if index.column() else 0, -1), 4, 4)
        if is_sum:
            painter.fillRect(rect.x(), rect.y(), rect.width(), 1, theme.colour("line"))
        left = 0
        if index.column() == 0 and not is_sum:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.current().kind_colour(items.rows[index.row()].kind))
            painter.drawRoundedRect(rect.x(), rect.center().y() - _SWATCH // 2 + 1, _SWATCH, _SWATCH, 2, 2)
        if index.column() == 0:
            left = _SWATCH + 6
        painter.setFont(theme.current().font(TextSize.TABLE, bold=is_sum, figures=True))
        painter.setPen(index.data(Qt.ItemDataRole.ForegroundRole))
        painter.drawText(rect.adjusted(left, 0, 0, 0), _alignment(index.column()), index.data())
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(_FIGURE_WIDTH, ROW_HEIGHT)


class MemoryTable(QTableView):
    """As high as its rows; cells can be reached by keyboard and copied."""

    def __init__(self) -> None:
        super().__init__()
        self._items = MemoryItems()
        self._items.setParent(self)
        self.setModel(self._items)
        self.setItemDelegate(_KindDelegate(self))
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
        rows.setMinimumSectionSize(ROW_HEIGHT)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        columns.setFixedHeight(ROW_HEIGHT)
        columns.setSectionsClickable(False)
        columns.setMinimumSectionSize(20)
        for column in range(1, 4):
            columns.resizeSection(column, _FIGURE_WIDTH)

    @property
    def items(self) -> MemoryItems:
        """The rows as a Qt model."""
        return self._items

    def show_use(self, use: DeviceUse, *, is_measured_stale: bool) -> None:
        """Show one device's rows."""
        self._items.show_rows(use.rows, is_measured_stale=is_measured_stale)
        height = ROW_HEIGHT * (self._items.rowCount() + 1)
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
