"""The next step down after memory ran out, by what it was for."""

import msgspec
import pytest

from kvdesk.gguf.open import open_model
from kvdesk.memory.families import shape_of
from kvdesk.memory.report import HOST
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.remedy import LEAST_CTX, LEAST_UBATCH, smaller
from kvdesk.resources import resolve_model
from kvdesk.units import GIB

DEVICES = (msgspec.structs.replace(HOST, total_bytes=8 * GIB, free_bytes=8 * GIB),)


@pytest.mark.parametrize(
    ("purpose", "changed", "value"),
    [
        ("the K and V cache", "cache_type_k", "q8_0"),
        ("the compute buffer", "ubatch_size", 256),
        ("the weights", "ctx_size", 2048),  # without a GPU there are no layers to move
    ],
)
def test_what_ran_out_is_asked_for_less(purpose, changed, value):
    shape = shape_of(open_model(resolve_model("demo")))
    offer = smaller(shape, LoadOptions(ctx_size=4096), DEVICES, 0, purpose)
    assert offer is not None
    assert getattr(offer.options, changed) == value
    assert str(value) in offer.sentence


def test_steps_lead_down_to_an_end():
    """Taken again and again, each is another one, and the last says that there is none."""
    shape = shape_of(open_model(resolve_model("demo")))
    options, seen = LoadOptions(ctx_size=4096), []
    while (offer := smaller(shape, options, DEVICES, 0)) is not None:
        options = offer.options
        assert options not in seen
        seen.append(options)
    assert (options.ctx_size, options.ubatch_size) == (LEAST_CTX, LEAST_UBATCH)
    assert (options.cache_type_k, options.cache_type_v) == ("q4_0", "q4_0")
