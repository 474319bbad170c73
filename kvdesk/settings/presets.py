"""Presets: named ways to have chats answered, a system prompt and sampler settings; some are built in.

The user's own are in a TOML file that can be written by hand as well, a table for each:

    ["Letters"]
    system_prompt = "You write letters."
    sampling = {temperature = 0.3}

What a table leaves out, the preset leaves as it is; sampler settings that are not named are llama.cpp's.
"""

import time
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from kvdesk.durable import replace_file
from kvdesk.errors import StoreError
from kvdesk.phrases import Phrase
from kvdesk.plan.sampling import Sampling, changed_values, sampling_of
from kvdesk.settings.toml_writer import write_toml


class Preset(msgspec.Struct, frozen=True):
    """A name with a system prompt and sampler settings. None: it leaves those of a chat as they are."""

    name: str
    system_prompt: str | None = None
    sampling: Sampling | None = None
    is_built_in: bool = False

    def is_taken(self, system_prompt: str, sampling: Sampling) -> bool:
        """Whether a chat is answered just so."""
        return self.system_prompt in (None, system_prompt) and self.sampling in (None, sampling)


# Temperature and min-p for lively text as in “Turning Up the Heat: Min-p Sampling” (arXiv:2407.01082).
BUILT_IN = (
    Preset(Phrase("Default"), sampling=Sampling(), is_built_in=True),
    Preset(Phrase("Precise"), sampling=Sampling(temperature=0.2, min_p=0.1), is_built_in=True),
    Preset(
        Phrase("Creative"),
        sampling=Sampling(temperature=1.2, top_k=0, top_p=1.0, min_p=0.1),
        is_built_in=True,
    ),
    Preset(Phrase("Deterministic"), sampling=Sampling(temperature=0.0, seed=0), is_built_in=True),
)


def find_preset(presets: Iterable[Preset], name: str) -> Preset | None:
    """The preset of a name, however it is capitalised."""
    return next((preset for preset in presets if preset.name.casefold() == name.casefold()), None)


def taken_preset(presets: Iterable[Preset], system_prompt: str, sampling: Sampling) -> Preset | None:
    """The preset by which a chat is answered, the one that says most about it; None where none fits."""
    fitting = [preset for preset in presets if preset.is_taken(system_prompt, sampling)]
    return max(
        fitting,
        key=lambda preset: (
            preset.system_prompt is not None,
            preset.sampling is not None,
            not preset.is_built_in,
        ),
        default=None,
    )


class PresetsFile:
    """The user's own presets. What it does not understand in the file stays there as it is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[tuple[Preset, ...], StoreError | None]:
        """The presets by name; the error says why some or all of them are not there."""
        try:
            found, problem = self._read()
        except StoreError as error:
            found, problem = {}, error
        read = {name: _preset(name, table) for name, table in found.items() if isinstance(table, dict)}
        usable = [preset for preset in read.values() if preset and not find_preset(BUILT_IN, preset.name)]
        bad = sorted(read.keys() - {preset.name for preset in usable})
        return sorted_presets(usable), _unusable(self._path, bad) if bad else problem

    def change(self, old: str, new: Preset | None) -> None:
        """Take the preset called `old` away ("": none) and put another there (None: none).

        The file is read again before, so that another window's presets stay, and replaced whole. Raises
        StoreError; that a damaged file was set aside is said by it once the change is written.
        """
        found, problem = self._read()
        if new is None:
            found.pop(old, None)
        else:
            # Its place is kept, for those who arrange the file by hand.
            renamed = {new.name if name == old else name: table for name, table in found.items()}
            found = renamed | {new.name: _table(new)}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, write_toml(found).encode("utf-8"))
        except OSError as error:
            raise StoreError(
                "The presets could not be saved: {reason}.",
                "Check that {path} may be written and that the disk is not full.",
                reason=error.strerror or str(error),
                path=str(self._path),
            ) from error
        if problem is not None:
            raise problem

    def _read(self) -> tuple[dict[str, Any], StoreError | None]:
        """The whole file; a damaged one is set aside, as the error says. Raises StoreError where it may not
        be read, and is not to be replaced.
        """
        try:
            return tomllib.loads(self._path.read_text(encoding="utf-8")), None
        except FileNotFoundError:
            return {}, None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            return {}, self._set_aside()
        except OSError as error:
            raise _unreadable(self._path, error) from error

    def _set_aside(self) -> StoreError:
        kept = self._path.with_name(f"{self._path.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}.toml")
        try:
            self._path.replace(kept)
        except OSError as error:
            raise _unreadable(self._path, error) from error
        return StoreError(
            "The file of your presets was damaged; there are only the built-in ones.",
            "The damaged file is kept as {path}.",
            path=str(kept),
        )


def sorted_presets(presets: Iterable[Preset]) -> tuple[Preset, ...]:
    """In the order in which they are shown."""
    return tuple(sorted(presets, key=lambda preset: preset.name.casefold()))


def _table(preset: Preset) -> dict[str, Any]:
    table: dict[str, Any] = {}
    if preset.system_prompt is not None:
        table["system_prompt"] = preset.system_prompt
    if preset.sampling is not None:
        table["sampling"] = changed_values(preset.sampling)
    return table


def _preset(name: str, table: dict[str, Any]) -> Preset | None:
    prompt, values = table.get("system_prompt"), table.get("sampling")
    sampling = sampling_of(values) if isinstance(values, dict) else None
    is_bad = (values is not None and sampling is None) or not isinstance(prompt, str | None)
    return None if is_bad else Preset(name, prompt, sampling)


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        "Your presets in {path} cannot be read: {reason}.",
        "There are only the built-in ones until you may read that file.",
        path=str(path),
        reason=error.strerror or str(error),
    )


def _unusable(path: Path, names: list[str]) -> StoreError:
    return StoreError(
        "These presets cannot be used: {names}.",
        "Their values are wrong, or a built-in preset has that name; correct them in {path}.",
        names=", ".join(names),
        path=str(path),
    )
