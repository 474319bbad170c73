"""Backend parameters for a GPUStack deployment on its llama.cpp backend, one a line."""

from kvdesk.export.explain import comment
from kvdesk.export.exporter import Exporter, Flag, Launch
from kvdesk.export.llama_flags import EXPRESSED, WRITTEN_FOR, server_flags, server_warnings
from kvdesk.export.shells import BY_NAME, Shell
from kvdesk.memory.report import Refusal


def flags(launch: Launch) -> tuple[Flag, ...]:
    """llama-server's flags as `--flag=value`; GPUStack names the model itself. Raises ExportError."""
    return tuple(Flag(("=".join(flag.words),), flag.why) for flag in server_flags(launch))


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What a llama-server command cannot say."""
    return server_warnings(launch)


def render(launch: Launch, shell: Shell) -> str:
    """The parameters, quoted as a POSIX shell's words: GPUStack splits them so."""
    found = flags(launch)
    head = comment(
        "#", f"GPUStack backend parameters for llama.cpp, flags of {WRITTEN_FOR}.", found, warnings(launch)
    )
    return head + "".join(f"{BY_NAME['bash'].quote(flag.words[0])}\n" for flag in found)


EXPORTER = Exporter(
    "gpustack",
    "GPUStack backend parameters",
    flags,
    render,
    warnings,
    EXPRESSED,
    file_name="gpustack-parameters.txt",
)
