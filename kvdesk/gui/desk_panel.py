"""The desk: the model, its memory before and after loading, the options that decide it, the live graph."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.charts.memory_chart import MemoryChart
from kvdesk.gui.controls import push_button, separator
from kvdesk.gui.desk.context_choice import ContextChoice
from kvdesk.gui.desk.device_memory import DeviceMemory
from kvdesk.gui.desk.fits_map import FitsMap
from kvdesk.gui.desk.load_bar import LoadBar
from kvdesk.gui.desk.memory_rows import DeviceUse, device_uses, is_loaded_as_chosen
from kvdesk.gui.desk.model_card import ModelCardView
from kvdesk.gui.desk.options_form import OptionsForm
from kvdesk.gui.help_pages import set_page
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import DeskState

DESK_WIDTH = 372  # what its figures and options need, at 100 %
_SCROLL_BAR_WIDTH = 10  # as the style sheet has it


class DeskPanel(QWidget):
    """The right part of the window. Everything above the foot scrolls when the window is low."""

    openWanted = Signal()
    modelChosen = Signal(str)
    importWanted = Signal()
    ledgerWanted = Signal()
    lensWanted = Signal()
    historyWanted = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        theme.dress(self)
        self._desk = desk
        self._memory_shown: tuple[object, ...] = ()
        self._uses: tuple[DeviceUse, ...] = ()
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.card = ModelCardView()
        self.device_views: list[DeviceMemory] = []
        self.ledger_button = push_button(self.tr("Ledger…"), "flat", TextSize.NOTE)
        self.ledger_button.setToolTip(self.tr("What loads on this machine took beside what was planned"))
        self.lens_button = push_button(self.tr("What a token takes…"), "flat", TextSize.NOTE)
        self.lens_button.setToolTip(self.tr("This model’s cache in llama.cpp’s types and in other engines"))
        self.context = ContextChoice()
        self.options = OptionsForm()
        self.fits = FitsMap()
        self.load_bar = LoadBar()
        self.chart = MemoryChart(desk.history)
        self._devices_column = QVBoxLayout()
        self._lay_out()
        set_page(self, "offloading")
        set_page(self.card, "window")
        set_page(self.context, "kv-cache")
        set_page(self.fits, "cache-types")

        self.ledger_button.clicked.connect(self.ledgerWanted)
        self.lens_button.clicked.connect(self.lensWanted)
        self.card.openWanted.connect(self.openWanted)
        self.card.importWanted.connect(self.importWanted)
        self.card.modelChosen.connect(self.modelChosen)
        self.context.chosen.connect(lambda tokens: self._set("ctx_size", tokens))
        self.context.refused.connect(lambda text: self.options.show_entry_error("ctx_size", text))
        self.options.chosen.connect(self._set)
        self.fits.chosen.connect(self._choose_fit)
        self.load_bar.loadWanted.connect(lambda: actions.load_model(self._desk))
        self.load_bar.cancelWanted.connect(lambda: actions.cancel_load(self._desk))
        self.load_bar.unloadWanted.connect(lambda: actions.unload_model(self._desk))
        self.load_bar.adviceChosen.connect(lambda offer: actions.take_advice(self._desk, offer))
        self.chart.largeWanted.connect(self.historyWanted)
        self.load_bar.reloadWanted.connect(lambda: actions.reload_engine(self._desk))

    def show_state(self, state: DeskState) -> None:
        """Hand the state to the parts."""
        self.card.show_state(state)
        self.lens_button.setVisible(state.model is not None)
        self._show_memory(state)
        self.context.show_state(state)
        self.options.show_state(state)
        self.options.setEnabled(state.model is not None)
        self.fits.show_state(state)
        self.load_bar.show_state(state, self._uses)
        self.chart.show_state(state)

    def _lay_out(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        # The scroll bar keeps its place, so that nothing moves when it appears.
        column.setContentsMargins(Space.LARGE, Space.MEDIUM, Space.LARGE - _SCROLL_BAR_WIDTH, Space.LARGE)
        column.setSpacing(Space.LARGE)
        self._devices_column.setSpacing(Space.MEDIUM)
        column.addWidget(self.card)
        memory = QVBoxLayout()
        memory.setSpacing(Space.TINY)
        memory.addLayout(self._devices_column)
        links = QHBoxLayout()
        links.addStretch(1)
        links.addWidget(self.lens_button)
        links.addWidget(self.ledger_button)
        memory.addLayout(links)
        column.addLayout(memory)
        for part in (self.context, self.options, self.fits, self.chart):
            column.addWidget(part)
        column.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(area, 1)
        outer.addWidget(separator())
        outer.addWidget(self.load_bar)

    def _show_memory(self, state: DeskState) -> None:
        reserve = self._desk.settings.reserve_bytes
        shown = (
            reserve,
            state.estimate,
            state.plan,
            state.measured,
            state.devices,
            state.options,
            state.engine.loaded,
            state.model,
        )
        if shown == self._memory_shown:
            return
        self._memory_shown = shown
        uses = self._uses = device_uses(state, reserve)
        while len(self.device_views) < len(uses):
            view = DeviceMemory(is_folded=bool(self.device_views))
            self._devices_column.addWidget(view)
            before = self.device_views[-1].table if self.device_views else self.card.open_button
            QWidget.setTabOrder(before, view.fold_button)
            QWidget.setTabOrder(view.fold_button, view.table)
            self.device_views.append(view)
        is_stale = state.measured is not None and not is_loaded_as_chosen(state)
        for index, view in enumerate(self.device_views):
            view.setVisible(index < len(uses))
            if index < len(uses):
                view.show_use(uses[index], is_measured_stale=is_stale)

    def _set(self, name: str, value: object) -> None:
        actions.set_option(self._desk, name, value)

    def _choose_fit(self, cache_type_k: str, cache_type_v: str, tokens: int) -> None:
        self._set("cache_type_k", cache_type_k)
        self._set("cache_type_v", cache_type_v)
        self._set("ctx_size", tokens)
