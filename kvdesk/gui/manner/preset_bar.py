"""Which preset a chat is answered by, and everything that can be done with presets, in place."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from kvdesk.gui.choice_box import ChoiceBox
from kvdesk.gui.controls import icon_button, push_button
from kvdesk.gui.elided_label import ElidedLabel
from kvdesk.gui.manner.name_form import NameForm
from kvdesk.gui.manner.words import preset_words, step_words
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.state import DeskState, PresetStep
from kvdesk.settings.presets import BUILT_IN, Preset, find_preset, taken_preset


class PresetBar(QWidget):
    """Shows the presets of a `DeskState`; emits what the user wants done with them, by their names."""

    taken = Signal(str)
    saved = Signal(str, bool, bool)  # with the system prompt, with the sampling
    renamed = Signal(str, str)
    deleted = Signal(str)
    begunWith = Signal(str)  # "": by the default
    undoWanted = Signal()
    dismissed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._presets: tuple[Preset, ...] = ()
        self._shown: tuple[object, ...] = ()
        self.form = NameForm()
        self.choice = ChoiceBox(self.tr("Preset"))
        self.choice.setAccessibleName(self.tr("Preset"))
        self.choice.setToolTip(self.tr("Answer this chat by a preset; it can be undone"))
        self.choice.activated.connect(self._take)
        self.save_button = push_button(self.tr("Save as…"))
        self.save_button.setToolTip(self.tr("Keep this system prompt and sampling as a preset"))
        self.save_button.setAutoDefault(False)
        self.save_button.clicked.connect(lambda: self.form.begin_saving(self._presets))
        self.more_button = icon_button("more", self.tr("Rename or delete your presets"))
        self.more_button.clicked.connect(self._show_more)
        self.new_chats = QCheckBox(self.tr("New chats begin with this preset"))
        self.new_chats.clicked.connect(self._begin_with)
        self.form.saved.connect(self.saved)
        self.form.renamed.connect(self.renamed)
        self.form.ended.connect(self.choice.setFocus)
        self.undo = UndoLine()
        self.undo.undoWanted.connect(self.undoWanted)
        self.undo.dismissed.connect(self.dismissed)
        line = QHBoxLayout()
        line.setSpacing(Space.SMALL)
        line.addWidget(self.choice, 1)
        line.addWidget(self.save_button)
        line.addWidget(self.more_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.SMALL)
        column.addLayout(line)
        column.addWidget(self.form)
        column.addWidget(self.new_chats)
        column.addWidget(self.undo)

    def show_state(self, state: DeskState) -> None:
        """Show the presets, the one that the open chat is answered by, and the step that can be undone."""
        steps = state.undoable_presets
        chat = state.chat
        taken = taken_preset(state.presets, chat.system_prompt, chat.sampling) if chat is not None else None
        shown = (state.presets, taken, state.default_preset, steps, chat is None)
        if shown == self._shown:
            return
        self._shown, self._presets = shown, state.presets
        self.setEnabled(chat is not None)
        self.choice.clear()
        if taken is None:
            self.choice.addItem(self.tr("none: settings of its own"), "")
        for preset in state.presets:
            self.choice.addItem(preset_words(preset), str(preset.name))
        self.choice.setCurrentIndex(self.choice.findData(str(taken.name) if taken is not None else ""))
        self.choice.update()
        begun_with = find_preset(state.presets, state.default_preset) or BUILT_IN[0]
        self.new_chats.setChecked(taken == begun_with)
        self.new_chats.setEnabled(taken is not None and not (taken == begun_with == BUILT_IN[0]))
        self.more_button.setEnabled(any(not preset.is_built_in for preset in state.presets))
        self.undo.show_step(steps[-1] if steps else None)

    def _take(self, index: int) -> None:
        if name := self.choice.itemData(index):
            self.taken.emit(name)

    def _begin_with(self, is_wanted: bool) -> None:
        self.begunWith.emit(self.choice.currentData() if is_wanted else "")

    def _show_more(self) -> None:
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        renaming, deleting = menu.addMenu(self.tr("Rename")), menu.addMenu(self.tr("Delete"))
        for preset in self._presets:
            if not preset.is_built_in:
                name, shown = preset.name, preset.name.replace("&", "&&")
                rename = partial(self.form.begin_renaming, self._presets, name)
                renaming.addAction(shown).triggered.connect(lambda _=False, do=rename: do())
                deleting.addAction(shown).triggered.connect(lambda _=False, of=name: self.deleted.emit(of))
        menu.popup(self.more_button.mapToGlobal(self.more_button.rect().bottomLeft()))


class UndoLine(QFrame):
    """Says in place what was done last with a preset, and offers to take it back."""

    undoWanted = Signal()
    dismissed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("surface", "notice")
        self.setAccessibleName(self.tr("What was done with a preset"))
        self.text = ElidedLabel()
        self.undo_button = push_button(self.tr("Undo"), "flat", TextSize.TABLE)
        self.undo_button.setAutoDefault(False)
        self.dismiss_button = icon_button("close", self.tr("Dismiss"))
        self.undo_button.clicked.connect(self.undoWanted)
        self.dismiss_button.clicked.connect(self.dismissed)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.MEDIUM, Space.TINY, Space.TINY, Space.TINY)
        row.setSpacing(Space.SMALL)
        row.addWidget(self.text, 1)
        row.addWidget(self.undo_button)
        row.addWidget(self.dismiss_button)
        self.hide()

    def show_step(self, step: PresetStep | None) -> None:
        """Tell of a step; of none nothing."""
        self.setVisible(step is not None)
        if step is not None:
            self.text.setText(step_words(step))
            self.setAccessibleDescription(self.text.text())
