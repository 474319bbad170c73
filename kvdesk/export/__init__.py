"""Launch commands and files for other programs, one target a file, and the way back."""

from kvdesk.errors import ExportError
from kvdesk.export import llama_server
from kvdesk.export.exporter import Exporter, Launch, below_home
from kvdesk.export.shells import BY_NAME, ShellName
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.options import LoadOptions

TARGETS: tuple[Exporter, ...] = (llama_server.EXPORTER,)


def target(name: str) -> Exporter:
    """Return the exporter of a name. Raises ExportError naming those there are."""
    for exporter in TARGETS:
        if exporter.name == name:
            return exporter
    raise ExportError(
        "There is no export target “{name}”.",
        "Choose one of {names}.",
        name=name,
        names=", ".join(exporter.name for exporter in TARGETS),
    )


def render(
    name: str,
    path: str,
    options: LoadOptions,
    shape: ModelShape | None = None,
    shell: ShellName = "bash",
    home: str | None = None,
) -> str:
    """The launch command for a target; the user's home directory (or `home`) is written as `~`.

    Raises ExportError for an unknown target, and for what no command line can say.
    """
    launch = Launch(below_home(path, home), options, shape)
    return target(name).render(launch, BY_NAME[shell])
