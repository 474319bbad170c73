"""Tells the user in place what happened and what to do about it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import icon_button, push_button, set_role, text_label
from kvdesk.gui.copy_button import CopyButton
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space
from kvdesk.session.state import Notice


class NoticeBar(QWidget):
    """Message and hint with the step that is offered, a button to copy the details and one to dismiss.

    Empty when there is nothing to tell. `usual_step` is offered by a notice that has none of its own.
    """

    dismissed = Signal()
    stepTaken = Signal()

    def __init__(
        self, name: str, *, can_dismiss: bool = True, margin: int = Space.MEDIUM, usual_step: str = ""
    ) -> None:
        super().__init__()
        theme.dress(self)
        self._notice: Notice | None = None
        self._frame = QFrame()
        self._message = text_label(bold=True, wrap=True)
        self._hint = text_label(wrap=True)
        self._usual_step = usual_step
        self.step_button = push_button(usual_step or self.tr("Next step"), "primary")
        self.step_button.clicked.connect(self.stepTaken)
        self.copy_button = CopyButton(self.tr("Copy details"), "flat")
        self.dismiss_button = icon_button("close", self.tr("Dismiss"))
        self.dismiss_button.setVisible(can_dismiss)
        self.dismiss_button.clicked.connect(self.dismissed)
        self.setAccessibleName(name)

        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._message)
        texts.addWidget(self._hint)
        actions_row = QHBoxLayout()
        actions_row.setContentsMargins(0, Space.TINY, 0, 0)
        actions_row.setSpacing(Space.MEDIUM)
        actions_row.addWidget(self.step_button)
        actions_row.addWidget(self.copy_button)
        actions_row.addStretch(1)
        texts.addLayout(actions_row)
        row = QHBoxLayout(self._frame)
        row.setContentsMargins(Space.MEDIUM, Space.SMALL, Space.SMALL, Space.SMALL)
        row.addLayout(texts, 1)
        row.addWidget(self.dismiss_button, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(margin, margin, margin, 0)
        column.addWidget(self._frame)
        self.hide()

    def show_notice(self, notice: Notice | None) -> None:
        """Show a notice, or nothing."""
        if notice == self._notice:
            return
        self._notice = notice
        self.setVisible(notice is not None)
        if notice is None:
            return
        message, hint = translated(notice.message), translated(notice.hint)
        self._message.setText(message)
        self._hint.setText(hint)
        self._hint.setVisible(bool(notice.hint))
        sentence = translated(notice.remedy.sentence) if notice.remedy else self._usual_step
        step = sentence.rstrip(".。")  # on a button
        self.step_button.setVisible(bool(step))
        if step:
            self.step_button.setText(step)
            self.step_button.setAccessibleName(step)
        self.copy_button.setVisible(bool(notice.details) or notice.is_error)
        self.copy_button.set_copied_text(notice_text(notice))
        set_role(self._frame, surface="error" if notice.is_error else "notice")
        self.setAccessibleDescription(f"{message} {hint}".strip())


def notice_text(notice: Notice) -> str:
    """Return everything a notice knows, for the clipboard."""
    return "\n".join(part for part in (notice.message, notice.hint, notice.details) if part)
