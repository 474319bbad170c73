"""The card above the composer: one question about the room in the context, its answers and their price."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.fitted_area import FittedArea
from kvdesk.gui.room.questions import Answer, Choice, Question
from kvdesk.gui.theme import Space, TextSize

_TEXT_HEIGHT = 120


class RoomCard(QFrame):
    """Hidden while there is nothing to ask. `answered` has the answer; `text` is the summary as it stands."""

    answered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "notice")
        self._question: Question | None = None
        self._title = text_label(bold=True, wrap=True)
        self._about = text_label("", "muted", TextSize.TABLE, wrap=True)
        self._edit = QPlainTextEdit()
        self._edit.setAccessibleName(self.tr("Summary"))
        self._edit.setFont(theme.current().font(TextSize.TEXT))
        self._edit.setFixedHeight(theme.px(_TEXT_HEIGHT))
        self._edit.setTabChangesFocus(True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(self.tr("Progress"))
        self._answers: QWidget = FittedArea(QWidget())
        self.buttons: dict[Answer, QPushButton] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(Space.MEDIUM, Space.SMALL, Space.MEDIUM, Space.MEDIUM)
        self._column.setSpacing(Space.SMALL)
        for part in (self._title, self._about, self._edit, self._bar, self._answers):
            self._column.addWidget(part)
        self.hide()

    @property
    def text(self) -> str:
        """The summary, as the user changed it."""
        return self._edit.toPlainText()

    def show_question(self, question: Question | None) -> None:
        """Ask something else, or nothing."""
        before, self._question = self._question, question
        if question == before:
            return
        self.setVisible(question is not None)
        if question is None:
            return
        self._title.setText(question.title)
        self._about.setText(question.about)
        self._about.setVisible(bool(question.about))
        self._bar.setVisible(question.progress is not None)
        self._bar.setValue(round(1000 * (question.progress or 0)))
        self._edit.setVisible(question.text is not None)
        if question.text is not None and (before is None or before.text != question.text):
            self._edit.setPlainText(question.text)
        if before is None or before.choices != question.choices:
            self._show_choices(question.choices)
        self.setAccessibleName(question.title)
        self.setAccessibleDescription(question.about)

    def _show_choices(self, choices: tuple[Choice, ...]) -> None:
        old, answers = self._answers, QWidget()
        self.buttons = {choice.answer: self._button(choice) for choice in choices}
        if any(choice.cost for choice in choices):
            self._in_rows(choices, answers)
        else:
            row = QHBoxLayout(answers)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(Space.SMALL)
            for button in self.buttons.values():
                row.addWidget(button)
            row.addStretch(1)
        self._answers = FittedArea(answers)
        self._column.replaceWidget(old, self._answers)
        old.hide()
        old.deleteLater()

    def _in_rows(self, choices: tuple[Choice, ...], answers: QWidget) -> None:
        grid = QGridLayout(answers)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(Space.MEDIUM)
        grid.setVerticalSpacing(Space.SMALL)
        grid.setColumnStretch(1, 1)
        for number, choice in enumerate(choices):
            grid.addWidget(self.buttons[choice.answer], number, 0)
            grid.addWidget(text_label(choice.cost, "muted", TextSize.TABLE, wrap=True), number, 1)

    def _button(self, choice: Choice) -> QPushButton:
        button = push_button(choice.label, "primary" if choice.is_primary else "normal", TextSize.TABLE)
        button.setEnabled(choice.is_possible)
        button.setAccessibleDescription(choice.cost)
        button.clicked.connect(lambda: self.answered.emit(choice.answer))
        return button
