"""Chats that are answered in their own way, and what is done in the window to have them so."""

from dataclasses import replace

from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.manner.dialog import ChatSettings
from kvdesk.plan.sampling import Sampling
from kvdesk.session.state import DeskState, PresetChange, ReadCost
from kvdesk.settings.presets import BUILT_IN, Preset
from tests.gui import fakes

PROMPT = (
    "You are a patient teacher of computer science.\nAnswer in short paragraphs, and name the source"
    " of every figure. Where you are not sure, say so."
)
TEACHER = Preset("Teacher", PROMPT, Sampling(temperature=0.3, top_p=0.9))
OWN = (TEACHER, Preset("Terse", "Answer in one sentence.", None))


def by_default() -> DeskState:
    """A loaded model, and a chat that says nothing of how it is answered."""
    return replace(fakes.qwen_loaded(), read_cost=ReadCost(3120, 0, True, 0.0, 12.2))


def own() -> DeskState:
    """A chat with a system prompt that was just changed, settings of its own, and two own presets."""
    state = by_default()
    assert state.chat is not None
    sampling = Sampling(temperature=0.3, top_p=0.9, seed=7)
    return replace(
        state,
        chat=replace(state.chat, system_prompt=PROMPT, sampling=sampling),
        presets=(*BUILT_IN, *OWN),
        system_tokens=38,
        read_cost=ReadCost(3158, 3155, False, 12.3, 12.3),
    )


def by_preset() -> DeskState:
    """A chat that is answered by a preset, after another one was deleted."""
    state = own()
    assert state.chat is not None
    chat = replace(state.chat, sampling=TEACHER.sampling)
    steps = (PresetChange(Preset("Pirate", "Arr.", None), None),)
    return replace(state, chat=chat, preset_steps=steps, default_preset="Teacher")


def opened(window: MainWindow) -> ChatSettings:
    """The settings of the open chat, beside the window."""
    window.others.show_chat_settings()
    assert window.others.chat_settings is not None
    fakes.fill(window.others.chat_settings)
    return window.others.chat_settings


def saving(window: MainWindow) -> None:
    """A name is asked for that is taken."""
    form = opened(window).presets.form
    form.begin_saving(window._desk.state.presets)
    form.name.setText("Precise")


def scrolled(window: MainWindow) -> None:
    """The sampler settings, with an entry that is none."""
    settings = opened(window)
    control = settings.sampling.controls["temperature"]
    control.entry.setText("hot")
    control.entry.setModified(True)
    control.entry.editingFinished.emit()
    bar = settings.area.verticalScrollBar()
    bar.setValue(settings.sampling.y() - 8)
