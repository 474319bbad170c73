"""The settings of the open chat: its system prompt, its sampling, and presets of both."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, separator, size_window, text_label
from kvdesk.gui.elided_label import ElidedLabel
from kvdesk.gui.help_pages import set_page
from kvdesk.gui.manner.preset_bar import PresetBar
from kvdesk.gui.manner.prompt_edit import PromptEdit
from kvdesk.gui.manner.sampler_form import SamplerForm
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session import actions, preset_actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import DeskState
from kvdesk.settings.presets import BUILT_IN

_WIDTH, _HEIGHT = 400, 700


class ChatSettings(QDialog):
    """Stays open beside the conversation and follows the open chat. Changes count from the next message on;
    there is nothing to confirm.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.dress(self)
        self.setWindowTitle(self.tr("Chat settings"))
        set_page(self, "sampling")
        size_window(self, _WIDTH, _HEIGHT)
        self._state = DeskState()
        self._title = ElidedLabel(size=TextSize.TABLE)
        self._title.setProperty("role", "muted")
        self.presets = PresetBar()
        self.prompt = PromptEdit()
        self.sampling = SamplerForm()
        self.problem = text_label(role="bad", size=TextSize.TABLE, wrap=True)
        self.problem.hide()
        self.close_button = push_button(self.tr("Close"), "primary")
        self.close_button.setAutoDefault(False)  # Enter finishes an entry here
        self.close_button.clicked.connect(self.accept)
        self._lay_out()
        self.presets.taken.connect(lambda name: preset_actions.take_preset(desk, name))
        self.presets.saved.connect(
            lambda name, prompt, sampling: preset_actions.save_preset(
                desk, name, has_system_prompt=prompt, has_sampling=sampling
            )
        )
        self.presets.renamed.connect(lambda old, new: preset_actions.rename_preset(desk, old, new))
        self.presets.deleted.connect(lambda name: preset_actions.delete_preset(desk, name))
        self.presets.begunWith.connect(lambda name: preset_actions.begin_with_preset(desk, name))
        self.presets.undoWanted.connect(lambda: preset_actions.undo_preset(desk))
        self.presets.dismissed.connect(lambda: preset_actions.accept_presets(desk))
        self.prompt.changed.connect(lambda text: actions.set_system_prompt(desk, text))
        self.sampling.chosen.connect(lambda sampling: actions.set_sampling(desk, sampling))
        self.sampling.resetWanted.connect(lambda: preset_actions.take_preset(desk, BUILT_IN[0].name))
        self.sampling.refused.connect(self._show_problem)
        self.show_state(desk.state)
        self.prompt.edit.setFocus()

    def _lay_out(self) -> None:
        content = QWidget()
        parts = QVBoxLayout(content)
        parts.setContentsMargins(0, 0, Space.SMALL, 0)
        parts.setSpacing(Space.LARGE)
        for part in (self.presets, self.prompt, separator(), self.sampling):
            parts.addWidget(part)
        parts.addStretch(1)
        self.area = area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        self.sampling.filling.finished.connect(
            lambda: area.setMinimumWidth(content.minimumSizeHint().width() + Space.MEDIUM)  # the scroll bar
        )
        head = QVBoxLayout()
        head.setSpacing(0)
        head.addWidget(text_label(self.tr("Chat settings"), size=TextSize.TITLE, bold=True))
        head.addWidget(self._title)
        foot = QHBoxLayout()
        foot.addWidget(self.problem, 1)
        foot.addStretch(0)
        foot.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.LARGE, Space.LARGE, Space.LARGE, Space.LARGE)
        column.setSpacing(Space.MEDIUM)
        column.addLayout(head)
        column.addWidget(area, 1)
        column.addWidget(separator())
        column.addLayout(foot)

    def show_state(self, state: DeskState) -> None:
        """Show how the open chat is answered."""
        before, self._state = self._state, state
        if before is state:
            return
        chat = state.chat
        self._title.setText((chat.title if chat is not None else "") or self.tr("New chat"))
        self.presets.show_state(state)
        self.prompt.show_state(state)
        self.sampling.setEnabled(chat is not None)
        if chat is not None and (before.chat is None or before.chat.sampling != chat.sampling):
            self.sampling.show_sampling(chat.sampling)

    def _show_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
