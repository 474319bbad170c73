"""A model as the planning commands need it: its shape, and the object that JSON shows of it."""

import time
from dataclasses import dataclass
from typing import Any

from kvdesk.errors import OptionError
from kvdesk.gguf.open import open_model
from kvdesk.memory.families import shape_of
from kvdesk.memory.shape import ModelShape
from kvdesk.session.card import card_of
from kvdesk.session.state import ModelCard
from kvdesk.units import format_parameters, format_tokens


@dataclass(frozen=True, slots=True)
class Opened:
    """A model whose header was read. `header_ms` is the time that took, in milliseconds."""

    card: ModelCard
    shape: ModelShape
    header_ms: float

    @property
    def is_remote(self) -> bool:
        """Whether the file is on the web and only its header was fetched."""
        return self.card.path.startswith(("http://", "https://"))

    def as_object(self) -> dict[str, Any]:
        """The `model` object of the command-line contract."""
        card = self.card
        return {
            "path": card.path,
            "name": card.name,
            "architecture": card.architecture,
            "is_verified": card.is_verified,
            "parameters": card.parameters,
            "file_bytes": card.file_bytes,
            "n_ctx_train": card.n_ctx_train,
            "n_layer": card.n_layer,
            "n_vocab": card.n_vocab,
        }

    def headline(self) -> str:
        """Name, size, quantisation and trained context in one line."""
        card = self.card
        parts = [
            card.name,
            format_parameters(card.parameters),
            card.quantisation,
            f"{format_tokens(card.n_ctx_train)} tokens",
        ]
        return " · ".join(part for part in parts if part)


def open_for_planning(source: str) -> Opened:
    """Read a model's header. Raises GgufError."""
    began = time.perf_counter()
    header = open_model(source)
    header_ms = (time.perf_counter() - began) * 1000
    shape = shape_of(header)
    return Opened(card_of(header, shape), shape, header_ms)


def check_is_local(opened: Opened) -> None:
    """Raise OptionError where llama.cpp is to be asked about a file on the web."""
    if opened.is_remote:
        raise OptionError(
            "llama.cpp can be asked only about files that are here.",
            "Leave --dry-run out, or download the file first.",
        )
