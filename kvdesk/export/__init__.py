"""Launch commands and files for other programs, one target a file, and the way back."""

from kvdesk.errors import ExportError
from kvdesk.export import llama_server
from kvdesk.export.exporter import Exporter

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
