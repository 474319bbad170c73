"""A llama-cli command: the same flags as llama-server, without what only several requests need."""

from kvdesk.export.exporter import Exporter, Flag, Launch
from kvdesk.export.llama_flags import (
    EXPRESSED,
    PINS,
    checkpoint_warning,
    command,
    lost_warnings,
    model_flag,
    option_flags,
    outputs_warning,
)
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal

# common/arg.cpp offers -kvu to other programs only (set_examples).
WITHOUT = frozenset({"kv_unified"})


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The flags of a launch. Raises ExportError as `option_flags` does."""
    return (model_flag(launch.model), *option_flags(launch, WITHOUT), *PINS)


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What a llama-cli command cannot say, or does differently."""
    return (
        *outputs_warning(launch, "llama-cli"),
        *checkpoint_warning(launch, "llama-cli"),
        *lost_warnings(launch, "llama-cli", EXPORTER.expresses),
    )


def render(launch: Launch, shell: Shell) -> str:
    """The command for a shell, below comments that explain each flag."""
    return command("llama-cli", shell, flags(launch), warnings(launch))


EXPORTER = Exporter(
    "llama-cli",
    "llama-cli (llama.cpp)",
    flags,
    render,
    warnings,
    EXPRESSED - WITHOUT,
    group="llama.cpp",
    file_name="llama-cli",
    uses_shell=True,
)
