"""A llama-server command that uses the memory that was planned, whatever that program's defaults are."""

from kvdesk.export.exporter import Exporter, Flag, Launch
from kvdesk.export.llama_flags import EXPRESSED, command, model_flag, server_flags, server_warnings
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The flags of a launch: the model, the options, the pins. Raises ExportError as `option_flags` does."""
    return (model_flag(launch.model), *server_flags(launch))


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What a llama-server command cannot say, or does differently."""
    return server_warnings(launch)


def render(launch: Launch, shell: Shell) -> str:
    """The command for a shell, below comments that explain each flag."""
    return command("llama-server", shell, flags(launch), warnings(launch))


EXPORTER = Exporter(
    "llama-server",
    "llama-server (llama.cpp)",
    flags,
    render,
    warnings,
    EXPRESSED,
    group="llama.cpp",
    file_name="llama-server",
    uses_shell=True,
)
