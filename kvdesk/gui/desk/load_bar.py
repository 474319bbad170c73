"""The foot of the desk: load, cancel, unload, and the way back after the engine has ended."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from kvdesk.gui.controls import push_button, set_role, text_label
from kvdesk.gui.desk.advice_list import AdviceList
from kvdesk.gui.desk.memory_rows import DeviceUse, is_loaded_as_chosen
from kvdesk.gui.figures import duration, speed
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.state import DeskState, LoadedModel, Phase
from kvdesk.units import format_bytes


class LoadBar(QWidget):
    """One button for what can be done now, what it would take beside it, progress above."""

    loadWanted = Signal()
    cancelWanted = Signal()
    unloadWanted = Signal()
    reloadWanted = Signal()
    adviceChosen = Signal(object)  # an Advice

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("surface", "panel")
        self.reload_button = push_button(self.tr("Reload"), "primary")
        self.reload_button.clicked.connect(self.reloadWanted)
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Loading"))
        self.advice = AdviceList()
        self.advice.chosen.connect(self.adviceChosen)
        self.words = text_label(role="muted", size=TextSize.TABLE, figures=True, wrap=True)
        self.load_button = push_button(self.tr("Load"), "primary")
        self.cancel_button = push_button(self.tr("Cancel"))
        self.unload_button = push_button(self.tr("Unload"))
        self.load_button.clicked.connect(self.loadWanted)
        self.cancel_button.clicked.connect(self.cancelWanted)
        self.unload_button.clicked.connect(self.unloadWanted)

        row = QHBoxLayout()
        row.setSpacing(Space.SMALL)
        row.addWidget(self.words, 1000)
        row.addStretch(1)  # keeps the buttons their size when there are no words
        for button in (self.unload_button, self.cancel_button, self.load_button, self.reload_button):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.LARGE, Space.MEDIUM, Space.LARGE, Space.MEDIUM)
        column.setSpacing(Space.SMALL)
        column.addWidget(self.progress)
        column.addWidget(self.advice)
        column.addLayout(row)

    def show_state(self, state: DeskState, uses: Sequence[DeviceUse]) -> None:
        """Offer what can be done in this state; `uses` is what its configuration takes of each device."""
        engine = state.engine
        is_loading = engine.phase is Phase.LOADING
        is_loaded = engine.loaded is not None and engine.phase is not Phase.ENDED
        is_as_chosen = is_loaded and is_loaded_as_chosen(state)
        self.progress.setVisible(is_loading)
        self.progress.setValue(round(engine.progress * 1000))
        self._offer(
            {
                self.cancel_button: is_loading,
                self.unload_button: is_loaded and not is_loading,
                self.load_button: not is_loading and not is_as_chosen and engine.phase is not Phase.ENDED,
                self.reload_button: engine.phase is Phase.ENDED,
            }
        )
        refusal = next((refusal for refusal in state.refusals if not refusal.is_warning), None)
        self.load_button.setEnabled(state.model is not None and refusal is None)
        label = self.tr("Load again") if is_loaded else self.tr("Load")
        if self.load_button.text() != label:
            self.load_button.setText(label)
            self.load_button.setAccessibleName(label)
        self._show_words(state, uses, is_loading=is_loading, is_as_chosen=is_as_chosen)
        is_short = refusal is None and any(use.is_over for use in uses)
        can_load = self.load_button.isVisibleTo(self) and state.model is not None
        self.advice.show_offers(state.advice if is_short and can_load else ())

    def _offer(self, buttons: dict[QPushButton, bool]) -> None:
        """Show these buttons; the focus stays here when the button that had it goes."""
        had_focus = any(button.hasFocus() for button in buttons)
        for button, is_offered in buttons.items():
            if is_offered:
                button.setVisible(True)
                if had_focus and not any(b.hasFocus() and buttons[b] for b in buttons):
                    button.setFocus()
        for button, is_offered in buttons.items():
            button.setVisible(is_offered)

    def _show_words(
        self, state: DeskState, uses: Sequence[DeviceUse], *, is_loading: bool, is_as_chosen: bool
    ) -> None:
        role, tip, engine = "muted", "", state.engine
        over = next((use for use in uses if use.is_over), None)
        if is_loading:
            text = self.tr("Loading, {percent} %").format(percent=int(engine.progress * 100))
        elif engine.phase is Phase.ENDED:
            role, text = "bad", self.tr("The engine has ended")  # the conversation says why
        elif is_as_chosen and engine.loaded is not None:
            text = self.tr("Loaded in {time}").format(time=duration(engine.loaded.load_s))
            tip = self._thread_words(engine.loaded)
        elif any(not refusal.is_warning for refusal in state.refusals):
            role, text = "bad", self.tr("llama.cpp refuses these options")
        elif over is not None and state.model is not None:
            role, text = "bad", self.tr("Does not fit in free memory")
        elif (report := state.plan or state.estimate) is not None:
            text = self.tr("Takes {size}").format(size=format_bytes(report.bytes_of()))
        else:
            text = ""
        self.words.setText(text)
        self.words.setToolTip(tip)
        self.words.setVisible(bool(text))
        set_role(self.words, role=role)

    def _thread_words(self, loaded: LoadedModel) -> str:
        """How many threads answer, and why so many."""
        words = [self.tr("CPU threads that answer: {count}").format(count=loaded.threads)]
        for pace in loaded.thread_paces:
            words.append(
                self.tr("measured with {count}: {speed}").format(
                    count=pace.threads, speed=speed(pace.tokens_per_s)
                )
            )
        return "\n".join(words)
