"""What a rehearsal proved: how many tokens a context really held, with what options, where."""

from datetime import datetime

import msgspec

from kvdesk.plan.options import LoadOptions


class DepthSpeed(msgspec.Struct, frozen=True):
    """Tokens a second, read and written, with `depth` tokens in the cache."""

    depth: int
    prefill_tokens_per_s: float
    decode_tokens_per_s: float | None


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A context was filled to its end, `rounds` times, and stood it.

    `options` are normalised as llama.cpp takes them, `used_bytes` the most that each device had in use, other
    programs included, and `process_bytes` the most that the engine had resident.
    """

    date: datetime
    n_tokens: int
    rounds: int
    options: LoadOptions
    used_bytes: dict[str, int]
    process_bytes: int
    speeds: tuple[DepthSpeed, ...]
