"""The largest context of each cache pair as a map: what fits is green, what is tight says so."""

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, set_role, text_label
from kvdesk.gui.desk.fits_items import FitsTable, Pair, pair_of, step_label, tabulate
from kvdesk.gui.elided_label import ElidedLabel
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.state import DeskState, PairFit
from kvdesk.units import format_bytes, format_tokens

_ROW_HEIGHT = 19
_PAIR_WIDTH = 104
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)
_Index = QModelIndex | QPersistentModelIndex


class FitsItems(QAbstractTableModel):
    """Pairs by contexts for the view."""

    def __init__(self) -> None:
        super().__init__()
        self.table = FitsTable((), ())
        self.chosen: Pair = ("", "")
        self.context = 0
        self.has_gpu = False

    def show_table(self, table: FitsTable, chosen: Pair, context: int, *, has_gpu: bool) -> None:
        """Take other fits, or another choice within the same."""
        self.chosen, self.context, self.has_gpu = chosen, context, has_gpu
        if table != self.table:
            self.beginResetModel()
            self.table = table
            self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        """Pairs."""
        return 0 if parent.isValid() else len(self.table.fits)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        """The pair's name and the contexts."""
        return 0 if parent.isValid() else 1 + len(self.table.contexts)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> object:
        """Name the columns by their contexts."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.FontRole:
            return theme.current().font(TextSize.NOTE, figures=True)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return step_label(self.table.contexts[section - 1]) if section else ""

    def data(self, index: _Index, role: int = _DISPLAY) -> object:
        """Return what a cell says; the tooltip has the figures."""
        fit = self.table.fits[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            if index.column() == 0:
                return f"{fit.cache_type_k} · {fit.cache_type_v}"
            if self.table.room(index.row(), index.column() - 1) is None:
                return "·"
            return self.tr("tight") if self.table.is_tight(index.row(), index.column() - 1) else ""
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return self._words(index.row())
        return None

    def is_chosen(self, index: _Index) -> bool:
        """Whether a cell is the pair and context on the desk."""
        fit = self.table.fits[index.row()]
        if pair_of(fit) != self.chosen or index.column() == 0:
            return False
        return self.context == self.table.contexts[index.column() - 1]

    def is_slow(self, row: int) -> bool:
        """Whether the GPU would leave this pair's attention to the CPU."""
        return self.has_gpu and self.table.fits[row].kernel == "cpu"

    def _speed(self, fit: PairFit) -> str:
        if fit.speed is None:
            return ""
        template = (
            self.tr("About {speed} tokens/s with {tokens} in the cache, as measured here.")
            if fit.speed.source == "measured"
            else self.tr("At most {speed} tokens/s with {tokens} in the cache, by the memory's bandwidth.")
        )
        rate = fit.speed.tokens_per_s
        return template.format(
            speed=f"{rate:.1f}" if rate < 100 else f"{rate:.0f}", tokens=format_tokens(fit.speed.ctx_size)
        )

    def _words(self, row: int) -> str:
        fit = self.table.fits[row]
        parts = [
            self.tr("{pair}: at most {tokens} tokens").format(
                pair=f"{fit.cache_type_k} · {fit.cache_type_v}", tokens=format_tokens(fit.max_ctx_size)
            )
            if fit.max_ctx_size
            else self.tr("No context fits with this pair."),
            self.tr("{size} a token").format(size=format_bytes(fit.bytes_per_token)),
            translated(fit.why),
            translated(fit.difference) if fit.max_ctx_size else "",
            self._speed(fit),
        ]
        if self.is_slow(row):
            parts.append(self.tr("The GPU has no kernel for this pair; attention would run on the CPU."))
        return "\n".join(part for part in parts if part)


class _CellDelegate(QStyledItemDelegate):
    """Draws a cell: green by the room it leaves, amber where attention would run on the CPU."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        items, view = index.model(), self.parent()
        assert isinstance(items, FitsItems)
        rect = QRectF(option.rect)
        is_current = isinstance(view, QTableView) and view.hasFocus() and view.currentIndex() == index
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if index.column() == 0:
            fit = items.table.fits[index.row()]
            is_own = pair_of(fit) == items.chosen
            painter.setFont(theme.current().font(TextSize.TABLE, bold=is_own, figures=True))
            painter.setPen(theme.colour("text"))
            painter.drawText(rect, _LEFT, str(index.data()))
        else:
            self._paint_cell(painter, rect.adjusted(0, 0, -1, -1), items, index)
        if is_current:
            painter.setPen(QPen(theme.colour("text"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect.adjusted(0.75, 0.75, -1.75, -1.75))
        painter.restore()

    def _paint_cell(self, painter: QPainter, rect: QRectF, items: FitsItems, index: _Index) -> None:
        room = items.table.room(index.row(), index.column() - 1)
        painter.setFont(theme.current().font(TextSize.NOTE))
        if room is None:
            painter.fillRect(rect, theme.colour("free"))
            painter.setPen(theme.colour("muted"))
        else:
            role = "warn" if items.is_slow(index.row()) else "good"
            strength = 0.36 + 0.44 * room
            ground = _mix(theme.colour("panel"), theme.colour(role), strength)
            painter.fillRect(rect, ground)
            painter.setPen(theme.colour("text"))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, str(index.data()))
        if items.is_chosen(index):
            painter.setPen(QPen(theme.colour("text"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect.adjusted(0.75, 0.75, -0.75, -0.75))

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(theme.px(30), theme.px(_ROW_HEIGHT))


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class FitsMap(QWidget):
    """Heading and map. `chosen` carries K type, V type and context of a cell that fits."""

    chosen = Signal(str, str, int)

    def __init__(self) -> None:
        super().__init__()
        self.items = FitsItems()
        self.items.setParent(self)
        self.scope = ElidedLabel(size=TextSize.NOTE)
        self.scope.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        set_role(self.scope, role="muted")
        self.all_button = push_button(self.tr("All pairs"), "flat", TextSize.NOTE)
        self.all_button.setCheckable(True)
        self.all_button.toggled.connect(self._show_again)
        self.view = self._make_view()
        self.roughness = text_label(
            self.tr("Only roughly known for this architecture; the plan decides."),
            "warn",
            TextSize.NOTE,
            wrap=True,
        )
        self.roughness.setToolTip(
            self.tr(
                "The arithmetic leaves out parts of this model's graph, or no test has compared it with"
                " llama.cpp. Weights and caches are counted exactly; compute buffers may be off."
            )
        )
        self._state = DeskState()
        self._shown: tuple[object, ...] = ()
        head = QHBoxLayout()
        head.setSpacing(Space.MEDIUM)
        head.addWidget(text_label(self.tr("Largest context by cache pair"), bold=True))
        head.addWidget(self.scope, 1)
        head.addWidget(self.all_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.TINY)
        column.addLayout(head)
        column.addWidget(self.roughness)
        column.addWidget(self.view)

    def _make_view(self) -> QTableView:
        view = _MapView()
        view.setModel(self.items)
        view.setItemDelegate(_CellDelegate(view))
        view.setProperty("kind", "figures")
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setShowGrid(False)
        view.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setTabKeyNavigation(False)
        view.setAccessibleName(self.tr("Largest context by cache pair"))
        rows, columns = view.verticalHeader(), view.horizontalHeader()
        rows.hide()
        rows.setMinimumSectionSize(theme.px(_ROW_HEIGHT))
        rows.setDefaultSectionSize(theme.px(_ROW_HEIGHT))
        columns.setMinimumSectionSize(20)
        columns.setFixedHeight(theme.px(_ROW_HEIGHT))
        columns.setSectionsClickable(False)
        view.clicked.connect(self._choose)
        view.activated.connect(self._choose)
        view.entered_cell.connect(self._choose)
        return view

    def show_state(self, state: DeskState) -> None:
        """Show the fits, with the pair and context that are chosen."""
        is_same_model = state.model is not None and state.model == self._state.model
        is_refused = any(not refusal.is_warning for refusal in state.refusals)
        # While a slider moves the last map stays, so that nothing below it jumps.
        self.setVisible(bool(state.fits) or (is_same_model and bool(self._shown) and not is_refused))
        self._state = state
        self.roughness.setVisible(state.model is not None and state.model.is_rough)
        trained = state.model.n_ctx_train if state.model else 0
        context = state.options.ctx_size or trained
        pair = (state.options.cache_type_k, state.options.cache_type_v)
        options = state.options
        has_gpu = options.n_gpu_layers != 0 and options.device != ("none",)
        has_gpu = has_gpu and any(device.kind != "cpu" for device in state.devices)
        shows_all = self.all_button.isChecked()
        shown = (state.fits, pair, context, has_gpu, shows_all)
        if not state.fits or shown == self._shown:
            return
        self._shown = shown
        self.scope.setText(self._scope(state))
        table = tabulate(state.fits, pair, trained, shows_all=shows_all, has_gpu=has_gpu)
        self.items.show_table(table, pair, context, has_gpu=has_gpu)
        columns = self.view.horizontalHeader()
        if columns.count():
            columns.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
            columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
            columns.resizeSection(0, theme.px(_PAIR_WIDTH))
        self.view.setFixedHeight(theme.px(_ROW_HEIGHT) * (1 + len(self.items.table.fits)))
        self.view.viewport().update()

    def _show_again(self, shows_all: bool) -> None:
        text = self.tr("Usual pairs") if shows_all else self.tr("All pairs")
        self.all_button.setText(text)
        self.all_button.setAccessibleName(text)
        self.show_state(self._state)

    def _scope(self, state: DeskState) -> str:
        gpus = sum(device.kind != "cpu" for device in state.devices)
        if gpus == 0:
            return self.tr("this computer")
        return self.tr("this GPU") if gpus == 1 else self.tr("these GPUs")

    def _choose(self, index: QModelIndex) -> None:
        if index.column() == 0:
            return
        column = index.column() - 1
        if self.items.table.room(index.row(), column) is None:
            return
        fit = self.items.table.fits[index.row()]
        self.chosen.emit(fit.cache_type_k, fit.cache_type_v, self.items.table.contexts[column])


class _MapView(QTableView):
    """A table whose cells are taken with Enter or Space."""

    entered_cell = Signal(QModelIndex)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if self.currentIndex().isValid():
                self.entered_cell.emit(self.currentIndex())
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self.viewport().update()
        super().changeEvent(event)


def _mix(ground: QColor, colour: QColor, share: float) -> QColor:
    def between(here: int, there: int) -> int:
        return round(here + (there - here) * share)

    return QColor(
        between(ground.red(), colour.red()),
        between(ground.green(), colour.green()),
        between(ground.blue(), colour.blue()),
    )
