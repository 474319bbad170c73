"""The opened model on the desk: what its header says, and the way to another one."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from kvdesk.gui.controls import push_button, set_role, text_label
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.resources import DEMO_MODEL, resolve_model
from kvdesk.session.state import DeskState, ModelCard
from kvdesk.units import format_bytes, format_parameters, format_tokens

_LONGEST_NAME = 60


class ModelCardView(QWidget):
    """Name and figures of the model. `openWanted` asks for a file, `modelChosen` carries a known one."""

    openWanted = Signal()
    importWanted = Signal()
    modelChosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[object, ...] = ()
        self.name = text_label(size=TextSize.TITLE, bold=True, wrap=True)
        self.unverified = text_label(self.tr("unverified"), "badge", TextSize.NOTE)
        self.unverified.setToolTip(
            self.tr("No test has compared this family's arithmetic with llama.cpp yet; the plan decides.")
        )
        self.facts = text_label(role="muted", size=TextSize.TABLE, figures=True, wrap=True)
        self.anatomy = text_label(role="muted", size=TextSize.TABLE, figures=True, wrap=True)
        self.open_button = push_button(self.tr("Open"))
        self.open_button.setToolTip(self.tr("Open a GGUF file, or one opened before (Ctrl+O)"))
        self.menu = QMenu(self.open_button)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.open_button.setMenu(self.menu)
        self._recent: tuple[str, ...] = ()

        head = QHBoxLayout()
        head.setSpacing(Space.SMALL)
        head.addWidget(self.name, 1)
        head.addWidget(self.unverified, 0, Qt.AlignmentFlag.AlignVCenter)
        head.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.TINY)
        column.addLayout(head)
        column.addWidget(self.facts)
        column.addWidget(self.anatomy)

    def show_state(self, state: DeskState) -> None:
        """Show the opened model, or that one is being opened, or what to do first."""
        shown = (state.model, state.opening, state.recent)
        if shown == self._shown:
            return
        self._shown = shown
        self._recent = state.recent
        set_role(self.open_button, kind="normal" if state.model or state.opening else "primary")
        if state.opening:
            name = Path(state.opening).name
            self._show_words(self.tr("Opening {name} …").format(name=name), "")
        elif state.model is None:
            self._show_words(
                self.tr("No model opened"),
                self.tr("Open a GGUF file or drop one on the window. Only its header is read at first."),
            )
        else:
            self._show_card(state.model)

    def _show_words(self, title: str, text: str) -> None:
        self.name.setText(title)
        self.facts.setText(text)
        self.facts.setVisible(bool(text))
        self.anatomy.hide()
        self.unverified.hide()

    def _show_card(self, card: ModelCard) -> None:
        name = card.name if len(card.name) <= _LONGEST_NAME else card.name[: _LONGEST_NAME - 1] + "…"
        self.name.setText(name)
        self.name.setToolTip(card.path)
        facts = (
            card.architecture,
            format_parameters(card.parameters),
            card.quantisation,
            format_bytes(card.file_bytes),
            self.tr("trained for {tokens}").format(tokens=format_tokens(card.n_ctx_train)),
        )
        self.facts.setText(" · ".join(part.replace(" ", "\u00a0") for part in facts if part))
        self.anatomy.setText(
            " · ".join(part.replace(" ", "\u00a0") for part in translated(card.anatomy).split(" · "))
        )
        self.facts.setToolTip(
            self.tr("Architecture, parameters, quantisation, size of the file, context of the training")
        )
        self.facts.show()
        self.anatomy.setVisible(bool(card.anatomy))
        self.unverified.setVisible(not card.is_verified)

    def _fill_menu(self) -> None:
        self.menu.clear()
        self.menu.addAction(self.tr("Open a file …"), self.openWanted.emit)
        self.menu.addAction(self.tr("Paste a launch command …"), self.importWanted.emit)
        self.menu.addAction(self.tr("The built-in demo model"), lambda: self.modelChosen.emit(DEMO_MODEL))
        demo = resolve_model(DEMO_MODEL)
        recent = [path for path in self._recent if path not in (DEMO_MODEL, demo)]
        if recent:
            self.menu.addSeparator()
        for path in recent:
            action = self.menu.addAction(Path(path).name)
            action.setToolTip(path)
            action.triggered.connect(lambda _=False, path=path: self.modelChosen.emit(path))
