"""How `kvdesk chat` answers: presets, on the command line and as slash commands, and sampler settings."""

from collections.abc import Callable

import msgspec

from kvdesk.cli.chat_conversation import Conversation
from kvdesk.cli.texts import t
from kvdesk.errors import OptionError
from kvdesk.plan.sampling import SAMPLER_OPTIONS, SamplerRow, read_sampler, write_sampler
from kvdesk.settings.places import find_places
from kvdesk.settings.presets import BUILT_IN, Preset, PresetsFile, find_preset, taken_preset

_HELP = """/sampling [NAME VALUE]...  the sampler settings, or others: /sampling temp 0 top-k 20
/preset [NAME]  answer by a preset of the window; without NAME, list them"""


def help_text() -> str:
    """What the commands do, a line each."""
    return t(_HELP)


def all_presets() -> tuple[Preset, ...]:
    """The built-in presets and the user's. Raises StoreError where the file cannot be used."""
    own, problem = PresetsFile(find_places().presets).load()
    if problem is not None and not own:
        raise problem
    return (*BUILT_IN, *own)


def preset_called(name: str) -> Preset:
    """The preset of a name. Raises OptionError for one that is none."""
    presets = all_presets()
    found = find_preset(presets, name)
    if found is None:
        names = ", ".join(preset.name for preset in presets)
        raise OptionError("There is no preset “{name}”.", "There are {names}.", name=name, names=names)
    return found


class SamplingCommands:
    """Each command returns whether the chat goes on, which it does. Raises KvDeskError."""

    def __init__(self, conversation: Conversation) -> None:
        self._chat = conversation

    def commands(self) -> dict[str, Callable[[str], bool]]:
        """The commands by their words."""
        return {"/sampling": self._sampling, "/preset": self._preset}

    def _sampling(self, text: str) -> bool:
        words = text.split()
        if len(words) % 2:
            raise OptionError("Name a setting and its value.", "/sampling shows them all.")
        rows = [(_row(name), value) for name, value in zip(words[::2], words[1::2], strict=True)]
        changes = {row.name: read_sampler(row, value) for row, value in rows}
        self._chat.sampling = msgspec.structs.replace(self._chat.sampling, **changes)
        lines = []
        for row in SAMPLER_OPTIONS:
            value = getattr(self._chat.sampling, row.name)
            note = "" if value == row.default else "  " + t("(default: {value})", value=row.default)
            lines.append(f"{row.name:<20} {write_sampler(value):>12}{note}")
        values = msgspec.to_builtins(self._chat.sampling)
        self._chat.output.told("sampling", {"sampling": values}, "\n".join(lines))
        return True

    def _preset(self, name: str) -> bool:
        if name:
            preset = preset_called(name)
            if preset.system_prompt is not None:
                self._chat.system = preset.system_prompt
            if preset.sampling is not None:
                self._chat.sampling = preset.sampling
        presets = all_presets()
        taken = taken_preset(presets, self._chat.system, self._chat.sampling)
        lines = [f"{'*' if preset == taken else ' '} {preset.name}" for preset in presets]
        names = [str(preset.name) for preset in presets]
        values: dict[str, object] = {"presets": names, "taken": str(taken.name) if taken else None}
        self._chat.output.told("presets", values, "\n".join(lines))
        return True


def _row(name: str) -> SamplerRow:
    """The row of a setting, by its own name or one of its flags."""
    wanted = name.lstrip("-").replace("-", "_").casefold()
    for row in SAMPLER_OPTIONS:
        if wanted in (row.name, *(flag.lstrip("-").replace("-", "_") for flag in row.spec.flags)):
            return row
    raise OptionError("There is no sampler setting “{name}”.", "/sampling shows them all.", name=name)
