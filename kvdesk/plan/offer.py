"""What advice is made of. By itself, so that the state can hold advice without the arithmetic behind it."""

from dataclasses import dataclass

from kvdesk.phrases import Phrase

Changes = tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """Options to change, by name. `gain_bytes` is what the tightest device gains, `margin_bytes` what it then
    has left (negative: still lacking), and `cost` a sentence about the price.
    """

    changes: Changes
    gain_bytes: int
    margin_bytes: int
    cost: Phrase

    @property
    def fits(self) -> bool:
        """Whether this change alone is enough."""
        return self.margin_bytes >= 0
