"""How a context is laid out along the slider: fine where people choose, reaching to a million tokens."""

import math
from dataclasses import dataclass

STEP_TOKENS = 256  # llama.cpp pads every context to it (GGML_PAD in llama_context)
_QUARTER_TOKENS = 8192  # what a quarter of a long scale reaches
_STEEPEST = 4.0


@dataclass(frozen=True, slots=True)
class ContextScale:
    """Positions from 0 to 1 for contexts up to `top_tokens`.

    Short scales are linear; for long ones a power is chosen such that the first quarter ends at 8,192.
    """

    top_tokens: int

    @property
    def power(self) -> float:
        """The exponent of tokens = top * position ** power."""
        if self.top_tokens <= 4 * _QUARTER_TOKENS:
            return 1.0
        return min(math.log(_QUARTER_TOKENS / self.top_tokens) / math.log(0.25), _STEEPEST)

    def position(self, tokens: float) -> float:
        """Where a context lies, from 0 to 1; what is longer than the scale lies at its end."""
        share = min(max(tokens / self.top_tokens, 0.0), 1.0)
        return float(share ** (1 / self.power))

    def tokens(self, position: float) -> int:
        """The context at a position, as a multiple of 256 and at least 256."""
        exact = self.top_tokens * min(max(position, 0.0), 1.0) ** self.power
        return snap(round(exact))


def snap(tokens: int) -> int:
    """The nearest multiple of 256, at least 256."""
    return max(STEP_TOKENS, (tokens + STEP_TOKENS // 2) // STEP_TOKENS * STEP_TOKENS)


def top_of_scale(trained_tokens: int, largest_tokens: int | None, chosen_tokens: int) -> int:
    """How far a slider should reach: a little past the trained context, and to the chosen one in any case.

    A largest context far beyond the trained one does not stretch the scale; its mark stands at the end.
    """
    comfortable = max(trained_tokens * 5 // 4, 4096)
    reach = min(largest_tokens or 0, trained_tokens * 2)
    return snap(max(comfortable, reach, chosen_tokens))
