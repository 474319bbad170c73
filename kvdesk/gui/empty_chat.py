"""What stands where no conversation is yet: what to do next, and prompts that show what the demo can do."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.theme import Space, TextSize
from kvdesk.resources import DEMO_MODEL, resolve_model
from kvdesk.session.state import DeskState

_WIDTH = 420


class EmptyChat(QScrollArea):
    """A title, a sentence and the next step; scrolls where large text has little room."""

    openWanted = Signal()
    demoWanted = Signal()
    promptChosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._title = text_label("", "text", TextSize.HEADING, bold=True, wrap=True)
        self._text = text_label("", "muted", TextSize.READING, wrap=True)
        self._open = push_button(self.tr("Open a model…"), "primary")
        self._demo = push_button(self.tr("Try the demo"))
        self._prompts = [
            self._prompt_button(text)
            for text in (
                self.tr("What is the KV cache?"),
                self.tr("The code for the blue box is 48213."),
                self.tr("Tell me a story in 4 sentences."),
            )
        ]
        self._open.clicked.connect(self.openWanted)
        self._demo.clicked.connect(self.demoWanted)
        self._lay_out()

    def _prompt_button(self, text: str) -> QPushButton:
        button = push_button(text, "normal", TextSize.TEXT)
        button.setProperty("kind", "prompt")
        button.setAccessibleName(self.tr("Send: {text}").format(text=text))
        button.clicked.connect(lambda: self.promptChosen.emit(text))
        return button

    def _lay_out(self) -> None:
        for label in (self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        inner = QWidget()
        inner.setMaximumWidth(theme.px(_WIDTH))
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.SMALL)
        column.addWidget(self._title)
        column.addWidget(self._text)
        column.addSpacing(Space.MEDIUM)
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.SMALL)
        buttons.addStretch(1)
        buttons.addWidget(self._open)
        buttons.addWidget(self._demo)
        buttons.addStretch(1)
        column.addLayout(buttons)
        for button in self._prompts:
            column.addWidget(button)
        content = QWidget()
        outer = QVBoxLayout(content)
        outer.addStretch(2)
        # Not by an alignment: an aligned item gets its size hint, which knows no height for a width.
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(inner, 1000)
        middle.addStretch(1)
        outer.addLayout(middle)
        outer.addStretch(3)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(content)

    def show_state(self, state: DeskState) -> None:
        """Say what fits the state: open a model, or begin to write."""
        model = state.model
        is_demo = model is not None and model.path == resolve_model(DEMO_MODEL)
        if state.opening:
            title, text = self.tr("Opening…"), state.opening
        elif model is None:
            title = self.tr("Open a GGUF, or try the demo")
            text = self.tr("You see what a model would use before anything is loaded.")
        elif is_demo:
            title = self.tr("Try the demo model")
            text = self.tr(
                "Five million parameters that know a little of the KV cache and remember what you tell them."
            )
        else:
            title = self.tr("Ask {model}").format(model=model.name)
            text = self._loading_text(state)
        _set(self._title, title)
        _set(self._text, text)
        for button in (self._open, self._demo):
            button.setVisible(model is None and not state.opening)
        for button in self._prompts:
            button.setVisible(is_demo and not state.opening)

    def _loading_text(self, state: DeskState) -> str:
        if state.engine.loaded is not None:
            return self.tr("It is loaded. What you write stays on this machine.")
        return self.tr("Your first message loads it. What it will use is shown beside this, before it does.")


def _set(label: QLabel, text: str) -> None:
    if label.text() != text:
        label.setText(text)
