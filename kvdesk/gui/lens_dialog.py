"""What a token takes of the open model's cache: llama.cpp's types and other engines, side by side."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, size_window, text_label
from kvdesk.gui.figures_table import FigureItems, Index, figures_table
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Radius, Space, TextSize
from kvdesk.plan.lens import LensRow
from kvdesk.units import format_mib, format_tokens

_ROW_HEIGHT = 24
_FIXED, _PLOT, _NOTE = 4, 5, 6  # columns
_BAR_HEIGHT = 8
_SHARE = Qt.ItemDataRole.UserRole
OURS = "llama.cpp"


class LensItems(FigureItems):
    """A row for each way to keep the cache."""

    def __init__(self, rows: Sequence[LensRow]) -> None:
        super().__init__(figures=range(2, _PLOT + 1))
        self._rows: Sequence[LensRow] = rows
        self._cells = [_texts(row) for row in rows]  # each is asked for often while the columns are measured
        self.has_fixed = any(row.fixed_bytes for row in rows)  # a share that does not grow with the context
        self._most = max((row.tokens_per_gib or 0 for row in rows), default=0) or 1
        self._titles = (
            self.tr("Engine"),
            self.tr("Mode"),
            self.tr("KiB a token"),
            self.tr("Bits a value"),
            self.tr("Does not grow, MiB"),
            self.tr("Tokens a GiB"),
            self.tr("Remarks"),
        )

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """What a cell shows; the engine's option is in the tooltip."""
        row, column = self._rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._cells[index.row()][column]
            case Qt.ItemDataRole.TextAlignmentRole:
                return self.side(column)
            case Qt.ItemDataRole.ToolTipRole:
                return translated(row.note) if column == _NOTE else row.option
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{self._titles[column]}: {self._cells[index.row()][column]}"
            case Qt.ItemDataRole.ForegroundRole:
                return theme.colour("text" if row.engine == OURS else "muted")
            case _:
                return (row.tokens_per_gib or 0) / self._most if role == _SHARE else None


class Bars(QStyledItemDelegate):
    """Paints the share of the most tokens as a bar, with the number at its right."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the cell's background and text, then the bar left of it."""
        super().paint(painter, option, index)
        rect = QRectF(option.rect)
        text = painter.fontMetrics().horizontalAdvance("9,999,999") + 2 * Space.SMALL
        room = rect.width() - text
        share = float(index.data(_SHARE) or 0)
        if room < Space.LARGE or not share:
            return
        is_ours = index.siblingAtColumn(0).data() == OURS  # type: ignore[union-attr]  # both kinds of index have it
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("k" if is_ours else "weights"))
        top = rect.top() + (rect.height() - _BAR_HEIGHT) / 2
        painter.drawRoundedRect(
            QRectF(rect.left(), top, max(2.0, room * share), _BAR_HEIGHT), Radius.BAR, Radius.BAR
        )
        painter.restore()


class LensDialog(QDialog):
    """The table, with what it compares above it."""

    def __init__(self, model: str, rows: Sequence[LensRow], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.dress(self)
        self.setWindowTitle(self.tr("What a token takes"))
        size_window(self, 1080, 640)
        self.items = LensItems(rows)
        self.table = self._make_table()
        close_button = push_button(self.tr("Close"), "primary")
        close_button.clicked.connect(self.accept)
        about = self.tr(
            "The cache of one conversation with {model}: in llama.cpp’s types, and in other engines as their"
            " own sources store it. Scales are counted. “+” is what lies unpacked beside the cache."
        )
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.WIDE, Space.LARGE, Space.WIDE, Space.LARGE)
        column.setSpacing(Space.MEDIUM)
        column.addWidget(text_label(self.tr("What a token takes"), size=TextSize.TITLE, bold=True))
        column.addWidget(text_label(about.format(model=model), "muted", TextSize.TABLE, wrap=True))
        column.addWidget(self.table, 1)
        column.addLayout(buttons)
        close_button.setFocus()

    def _make_table(self) -> QTableView:
        table = figures_table(self.items, self.tr("What a token takes"), _ROW_HEIGHT, wide=(_PLOT, _NOTE))
        table.setItemDelegateForColumn(_PLOT, Bars(table))
        table.setColumnHidden(_FIXED, not self.items.has_fixed)
        return table


def _texts(row: LensRow) -> tuple[str, ...]:
    return (
        row.engine,
        translated(row.mode),
        _kib(row),
        "–" if row.bits_per_value is None else f"{row.bits_per_value:.2f}".rstrip("0").rstrip("."),
        format_mib(row.fixed_bytes) if row.fixed_bytes else "–",
        "–" if row.tokens_per_gib is None else format_tokens(row.tokens_per_gib),
        translated(row.note),
    )


def _kib(row: LensRow) -> str:
    if row.bytes_per_token is None:
        return "–"
    more = f" + {row.unpacked_bytes_per_token / 1024:.0f}" if row.unpacked_bytes_per_token else ""
    return f"{row.bytes_per_token / 1024:,.2f}{more}"
