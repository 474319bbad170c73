"""What a rehearsal proved: how many tokens a context really held, with what options, where."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from kvdesk.memory.report import Device
from kvdesk.plan.options import LoadOptions

if TYPE_CHECKING:
    from kvdesk.plan.load_record import LoadRecord


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


def proof_for(
    records: Iterable["LoadRecord"],
    header_hash: str,
    options: LoadOptions,
    devices: Sequence[Device],
    library: str,
) -> Proof | None:
    """The latest proof of a model with these options, as llama.cpp normalises them, on these devices under
    their present drivers and this version of llama-cpp-python; another driver or version proves nothing.
    """
    from kvdesk.plan.load_record import key_of

    here = {key_of(device) for device in devices}
    found: Proof | None = None
    for record in records:
        proof = record.proof
        if (
            proof is not None
            and record.library == library
            and record.model.header_hash == header_hash
            and proof.options == options
            and all(key_of(device) in here for device in record.devices)
            and (found is None or proof.date >= found.date)
        ):
            found = proof
    return found
