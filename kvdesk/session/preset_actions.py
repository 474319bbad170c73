"""What a person can do with presets, one short function each; none of them waits for anything."""

from functools import partial

from kvdesk.session import actions, events
from kvdesk.session.desk import Desk
from kvdesk.session.state import Manner, PresetChange, PresetStep, PresetTaken
from kvdesk.settings.presets import Preset, find_preset, sorted_presets


def take_preset(desk: Desk, name: str) -> None:
    """Have the open conversation answered by a preset; `undo_preset` brings back how it was before."""
    preset, chat = find_preset(desk.state.presets, name), desk.state.chat
    if preset is None or chat is None:
        return
    before = Manner(chat.system_prompt, chat.sampling)
    after = Manner(
        before.system_prompt if preset.system_prompt is None else preset.system_prompt,
        before.sampling if preset.sampling is None else preset.sampling,
    )
    if after != before:
        _answer_by(desk, after)
        _note(desk, PresetTaken(chat.id, preset, before, after))


def save_preset(desk: Desk, name: str, *, has_system_prompt: bool, has_sampling: bool) -> None:
    """Keep how the open conversation is answered, or a part of that, under a name.

    A preset of the user's with this name is replaced, which `undo_preset` takes back; built-in ones stay.
    """
    chat = desk.state.chat
    if chat is None:
        return
    known = find_preset(desk.state.presets, name.strip())
    preset = Preset(
        name.strip(),
        chat.system_prompt if has_system_prompt else None,
        chat.sampling if has_sampling else None,
    )
    if not preset.name or preset == known or (known is not None and known.is_built_in):
        return
    _change(desk, known, preset)
    _note(desk, PresetChange(known, preset))


def rename_preset(desk: Desk, name: str, new_name: str) -> None:
    """Give a preset of the user's a name that no other has."""
    preset, other = (find_preset(desk.state.presets, each.strip()) for each in (name, new_name))
    is_free = other is None or other is preset
    if preset is None or preset.is_built_in or not is_free or new_name.strip() in ("", preset.name):
        return
    renamed = Preset(new_name.strip(), preset.system_prompt, preset.sampling)
    _change(desk, preset, renamed)
    _note(desk, PresetChange(preset, renamed))


def delete_preset(desk: Desk, name: str) -> None:
    """Delete a preset of the user's; `undo_preset` brings it back."""
    preset = find_preset(desk.state.presets, name)
    if preset is not None and not preset.is_built_in:
        _change(desk, preset, None)
        _note(desk, PresetChange(preset, None))


def undo_preset(desk: Desk) -> None:
    """Take the last step with a preset back, of those that can be."""
    if not desk.state.undoable_presets:
        return
    *earlier, last = desk.state.undoable_presets
    match last:
        case PresetTaken(before=before):
            _answer_by(desk, before)
        case PresetChange(before, after):
            _change(desk, after, before)
    _show(desk, desk.state.presets, tuple(earlier))


def accept_presets(desk: Desk) -> None:
    """Offer no more to take steps with presets back."""
    _show(desk, desk.state.presets, ())


def begin_with_preset(desk: Desk, name: str) -> None:
    """Have new conversations begin with a preset; ("") with llama.cpp's defaults."""
    desk.change_settings(default_preset=name)
    _show(desk, desk.state.presets, desk.state.preset_steps)


def _answer_by(desk: Desk, manner: Manner) -> None:
    actions.set_system_prompt(desk, manner.system_prompt)
    actions.set_sampling(desk, manner.sampling)


def _change(desk: Desk, old: Preset | None, new: Preset | None) -> None:
    """Put one preset in the place of another, here and in the file."""
    kept = [preset for preset in desk.state.presets if preset != old]
    built_in = tuple(preset for preset in kept if preset.is_built_in)
    own = [preset for preset in kept if not preset.is_built_in]
    presets = built_in + sorted_presets([*own, new] if new is not None else own)
    old_name = old.name if old is not None else ""
    desk.background.submit(partial(desk.presets_file.change, old_name, new))
    if old is not None and new is not None and desk.settings.default_preset == old.name:
        desk.change_settings(default_preset=new.name)
    _show(desk, presets, desk.state.preset_steps)


def _note(desk: Desk, step: PresetStep) -> None:
    _show(desk, desk.state.presets, (*desk.state.preset_steps, step))


def _show(desk: Desk, presets: tuple[Preset, ...], steps: tuple[PresetStep, ...]) -> None:
    desk.take(events.PresetsChanged(presets, desk.settings.default_preset, steps))
