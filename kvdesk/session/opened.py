"""The model that is open on the desk: what its header says, ready for arithmetic and for the card."""

from dataclasses import dataclass

from kvdesk.gguf.header import Header
from kvdesk.memory.shape import ModelShape
from kvdesk.session.state import ModelCard


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A header that was read, its shape, and the card made from both."""

    header: Header
    shape: ModelShape
    card: ModelCard
