"""What an export target is, so that the window and the command line can list and run all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.options import LoadOptions


@dataclass(frozen=True, slots=True)
class Launch:
    """What is to be launched: a model's path or URL, its options, and its shape where it is known."""

    model: str
    options: LoadOptions
    shape: ModelShape | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag with its value, as the target wants them, and the reason it is there (an English sentence)."""

    words: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Exporter:
    """A target: `flags` are what it writes, `render` the whole text, `warnings` what it cannot express."""

    name: str
    title: str
    flags: Callable[[Launch], tuple[Flag, ...]]
    render: Callable[[Launch, Shell], str]
    warnings: Callable[[Launch], tuple[Refusal, ...]]


def below_home(path: str, home: str | None = None) -> str:
    """Write a path below the home directory as `~/...`, so that a shared command does not name its user."""
    home = (home if home is not None else str(Path.home())).rstrip("/\\")
    if home and path.startswith(home) and path[len(home) : len(home) + 1] in {"/", "\\"}:
        return "~" + path[len(home) :]
    return path
