"""How a chat is answered, as sentences: what differs from the defaults, what a system prompt costs."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication

from kvdesk.gui.figures import SEPARATOR, duration, prefill_speed
from kvdesk.gui.own_language import translated
from kvdesk.plan.sampling import SAMPLER_OPTIONS, Sampling, changed_values, write_sampler
from kvdesk.session.state import Conversation, DeskState, Phase, PresetStep, PresetTaken
from kvdesk.settings.presets import Preset, taken_preset
from kvdesk.units import format_tokens

translate = QCoreApplication.translate


def preset_words(preset: Preset) -> str:
    """A preset's name: the user's own words stay as they are."""
    return translated(preset.name) if preset.is_built_in else str(preset.name)


def sampler_words(sampling: Sampling) -> list[str]:
    """What differs from llama.cpp's defaults, in the order of the table."""
    changed = changed_values(sampling)
    return [
        f"{translated(row.spec.label)} {write_sampler(changed[row.name])}"
        for row in SAMPLER_OPTIONS
        if row.name in changed
    ]


def difference(chat: Conversation, presets: Sequence[Preset]) -> str:
    """How a chat is answered, in few words; "" where it is by the defaults."""
    preset = taken_preset(presets, chat.system_prompt, chat.sampling)
    if preset is not None and preset.system_prompt is not None and preset.sampling is not None:
        return preset_words(preset)
    parts = [translate("Manner", "System prompt")] if chat.system_prompt.strip() else []
    changed = sampler_words(chat.sampling)
    if preset is not None and preset.system_prompt and not changed:
        parts = [preset_words(preset)]
    elif changed and preset is not None and preset.sampling is not None:
        parts.append(preset_words(preset))
    elif len(changed) == 1:
        parts += changed
    elif changed:
        parts.append(translate("Manner", "{count} sampler settings").format(count=len(changed)))
    return SEPARATOR.join(parts)


def system_tokens_line(state: DeskState) -> str:
    """What the system prompt takes; a dash where no model has counted it."""
    if state.chat is None or not state.chat.system_prompt:
        return translate("Manner", "No system prompt")
    tokens = "–" if state.system_tokens is None else format_tokens(state.system_tokens)
    return translate("Manner", "{count} tokens").format(count=tokens)


def reading_line(state: DeskState) -> tuple[str, bool]:
    """What the next message reads of the chat as it stands, or would read after a change of the system
    prompt, and whether it is the first of these: a change has been made.
    """
    cost, chat = state.read_cost, state.chat
    if cost is None or chat is None or not chat.messages or state.engine.phase is not Phase.READY:
        return "", False
    tokens, seconds = (
        (cost.prompt_tokens, cost.whole_s) if cost.keeps_start else (cost.new_tokens, cost.seconds)
    )
    if seconds is None and (rate := prefill_speed(state)) > 0:
        seconds = tokens / rate
    what = (
        translate("Manner", "A change has the next message read all {count} tokens again")
        if cost.keeps_start
        else translate("Manner", "The next message reads {count} tokens")
    ).format(count=format_tokens(tokens))
    if seconds is not None:
        what = translate("Manner", "{what}, about {time}").format(what=what, time=duration(seconds))
    return what, not cost.keeps_start


def step_words(step: PresetStep) -> str:
    """What was done with a preset."""
    if isinstance(step, PresetTaken):
        name = preset_words(step.preset)
        return translate("Manner", "This chat is answered by “{name}” now").format(name=name)
    if step.after is None:
        assert step.before is not None
        return translate("Manner", "Deleted “{name}”").format(name=step.before.name)
    if step.before is None:
        return translate("Manner", "Saved “{name}”").format(name=step.after.name)
    if step.before.name == step.after.name:
        return translate("Manner", "Replaced “{name}”").format(name=step.after.name)
    return translate("Manner", "“{old}” is called “{name}” now").format(
        old=step.before.name, name=step.after.name
    )
