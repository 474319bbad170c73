"""What an export target is, so that the window and the command line can list and run all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal

from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.options import LoadOptions

# llama.cpp's own programs, programs that run llama.cpp, and engines that keep a cache of their own.
Group = Literal["llama.cpp", "program", "engine"]

# What programs without a word for all layers are told: llama.cpp takes as many as there are.
EVERY_LAYER = 999


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
    """A target: `flags` are what it writes, `render` the whole text, `warnings` what it cannot express.

    `expresses` are the names of the options that it can say, in some form. `file_name` is what its text is
    saved as, `uses_shell` tells whether the text is a command, and `has_comments` whether the text explains
    its flags itself, which JSON cannot.
    """

    name: str
    title: str
    flags: Callable[[Launch], tuple[Flag, ...]]
    render: Callable[[Launch, Shell], str]
    warnings: Callable[[Launch], tuple[Refusal, ...]]
    expresses: frozenset[str]
    group: Group = "program"
    file_name: str = ""
    uses_shell: bool = False
    has_comments: bool = True


def below_home(path: str, home: str | None = None) -> str:
    """Write a path below the home directory as `~/...`, so that a shared command does not name its user."""
    home = (home if home is not None else str(Path.home())).rstrip("/\\")
    if home and path.startswith(home) and path[len(home) : len(home) + 1] in {"/", "\\"}:
        return "~" + path[len(home) :]
    return path


def home_as(path: str, name: str) -> str:
    """Write `~/...` with the name that a target has for the home directory."""
    return name + path[1:] if path.startswith(("~/", "~\\")) else path


def is_url(model: str) -> bool:
    """Whether the model is named by an address."""
    return model.startswith(("http://", "https://"))


def folder_and_file(model: str) -> tuple[str, str]:
    """Split a path or an address at its last part, whichever system the path is of."""
    path = PureWindowsPath(model) if "\\" in model else PurePosixPath(model)
    return ("" if is_url(model) else str(path.parent)), path.name


def context_tokens(launch: Launch) -> int:
    """The context in tokens; the trained one for 0, and 0 where that is not known."""
    return launch.options.ctx_size or (launch.shape.n_ctx_train if launch.shape is not None else 0)
