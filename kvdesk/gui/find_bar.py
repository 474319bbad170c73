"""The bar that finds words in the conversation: how often, the next, the one before, as written or not."""

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import icon_button, text_label
from kvdesk.gui.finder import Finder, Hit
from kvdesk.gui.rows import Row
from kvdesk.gui.theme import Space, TextSize

_WORK_MS, _WORK_S = 15, 0.006  # of the event loop's time while a long chat is searched
_WIDTH = 400  # at 100 %


class FindBar(QFrame):
    """Searches rows; says which place to show and that what is marked has changed."""

    hitWanted = Signal(Hit)
    marksChanged = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.finder = Finder()
        self._rows: list[Row] = []
        self._near_row = 0
        self._is_first_wanted = False  # the first hit is shown as soon as it is found
        self.setAccessibleName(self.tr("Find in this chat"))
        self.setMaximumWidth(theme.px(_WIDTH))
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(self.tr("Find in this chat"))
        self.edit.setAccessibleName(self.tr("Find in this chat"))
        self.count = text_label(role="muted", size=TextSize.TABLE, figures=True)
        self.case_button = icon_button("match-case", self.tr("Match capital letters"))
        self.case_button.setCheckable(True)
        self.previous_button = icon_button("chevron-up", self.tr("The one before (Shift+Enter)"))
        self.next_button = icon_button("chevron-down", self.tr("The next one (Enter)"))
        self.close_button = icon_button("close", self.tr("Close the search (Esc)"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, Space.TINY, 0, Space.TINY)
        row.setSpacing(2)
        row.addWidget(self.edit, 1)
        row.addSpacing(Space.TINY)
        row.addWidget(self.count)
        for button in (self.case_button, self.previous_button, self.next_button, self.close_button):
            row.addWidget(button)
        for widget in (self.edit, *self.findChildren(QWidget)):
            widget.installEventFilter(self)
        self._working = QTimer(self)
        self._working.setInterval(_WORK_MS)
        self._working.timeout.connect(self._work)
        self.edit.textChanged.connect(self._seek)
        self.case_button.toggled.connect(self._seek)
        self.next_button.clicked.connect(lambda: self.step(1))
        self.previous_button.clicked.connect(lambda: self.step(-1))
        self.close_button.clicked.connect(self.leave)
        self.hide()

    def begin(self, rows: list[Row], near_row: int, words: str = "") -> None:
        """Open, with the words to look for, if there are some; the first hit is looked for from a row on."""
        self._near_row = near_row
        self._rows = rows
        self.show()
        self.raise_()
        self.edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if words and words != self.edit.text():
            self.edit.setText(words)  # seeks
        else:
            self._seek()
        self.edit.selectAll()

    def follow(self, rows: list[Row]) -> None:
        """Take the rows as they are now."""
        self._rows = rows
        if not self.isHidden() and self.finder.query:
            self.finder.follow(rows)
            self._working.start()

    def leave(self) -> None:
        """Close, and forget what was found."""
        if self.isHidden():
            return
        self.hide()
        self._working.stop()
        self.finder.seek("", match_case=False, rows=[])
        self.marksChanged.emit()
        self.closed.emit()

    def step(self, by: int) -> None:
        """Show the next hit (1) or the one before (-1)."""
        hit = self.finder.step(by, self._near_row)
        self._is_first_wanted = hit is None and not self.finder.is_done
        self._show_count()
        if hit is not None:
            self.hitWanted.emit(hit)

    def _seek(self) -> None:
        match_case = self.case_button.isChecked()
        self.finder.seek(self.edit.text(), match_case=match_case, rows=self._rows)
        self._is_first_wanted = bool(self.edit.text())
        self._working.start()
        self._work()
        self.marksChanged.emit()

    def _work(self) -> None:
        changed = self.finder.work(_WORK_S)
        if self.finder.is_done:
            self._working.stop()
        if self._is_first_wanted:
            hits = self.finder.hits
            if any(hit.row >= self._near_row for hit in hits) or (hits and self.finder.is_done):
                self.step(1)
        self._show_count()
        if changed:
            self.marksChanged.emit()

    def _show_count(self) -> None:
        hits = self.finder.hits
        number = self.finder.number_of_current(hits)
        if not self.finder.query:
            text = ""
        elif hits:
            text = self.tr("{number} of {count}").format(number=number or "–", count=f"{len(hits):,}")
        else:
            text = self.tr("Nothing found") if self.finder.is_done else self.tr("Searching…")
        if hits and not self.finder.is_done:
            text += "…"
        self.count.setText(text)
        self.edit.setAccessibleDescription(text)
        self.next_button.setEnabled(bool(hits))
        self.previous_button.setEnabled(bool(hits))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc closes from every part of the bar, and is not the window's while it is open."""
        if not isinstance(event, QKeyEvent):
            return False
        key = event.key()
        if key == Qt.Key.Key_Escape:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
            elif event.type() == QEvent.Type.KeyPress:
                self.leave()
            return True
        is_enter = key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F3)
        if event.type() == QEvent.Type.KeyPress and watched is self.edit and is_enter:
            self.step(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
            return True
        return False
