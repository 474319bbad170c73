"""What stands under a group of options when one of them does not work: which, why, and the way out."""

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from kvdesk.gui.controls import set_role, text_label
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.memory.report import Refusal
from kvdesk.plan.options import BY_NAME


class OptionNotes(QWidget):
    """One note for each refusal or warning; no room is taken when there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Refusal, ...] = ()
        self._notes: list[QFrame] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(Space.TINY)
        self.hide()

    @property
    def texts(self) -> list[str]:
        """What is told, in order."""
        return [note.accessibleDescription() for note in self._notes]

    def show_refusals(self, refusals: Iterable[Refusal]) -> None:
        """Tell these refusals."""
        wanted = tuple(refusals)
        if wanted == self._shown:
            return
        self._shown = wanted
        for note in self._notes:
            self._column.removeWidget(note)
            note.deleteLater()
        self._notes = [_note(refusal) for refusal in wanted]
        for note in self._notes:
            self._column.addWidget(note)
        self.setVisible(bool(wanted))


def _note(refusal: Refusal) -> QFrame:
    frame = QFrame()
    set_role(frame, surface="warning" if refusal.is_warning else "error")
    column = QVBoxLayout(frame)
    column.setContentsMargins(Space.MEDIUM, 6, Space.MEDIUM, 6)
    column.setSpacing(1)
    message, hint = translated(refusal.message), translated(refusal.hint)
    row = BY_NAME.get(refusal.option)
    name = translated(row.spec.label) if row else ""
    if name:
        message = QCoreApplication.translate("OptionNotes", "{option}: {message}").format(
            option=name, message=message
        )
    column.addWidget(text_label(message, size=TextSize.TABLE, wrap=True))
    if hint:
        column.addWidget(text_label(hint, "muted", TextSize.TABLE, wrap=True))
    frame.setAccessibleDescription(f"{message} {hint}".strip())
    return frame
