"""A load is found by any words that are in it, and only if all of them are."""

import pytest

from kvdesk.phrases import Phrase
from kvdesk.plan.journal import find_loads
from kvdesk.plan.load_record import Failure
from tests.gui import fakes

LOADS = (
    fakes.load_record(1),
    fakes.load_record(2, Failure("OutOfMemory", Phrase("CUDA0 has no room for 4,455 MiB of weights."))),
)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", 2),
        ("qwen3", 2),
        ("QWEN3 q8_0", 2),
        ("failed", 1),
        ("no room weights", 1),
        ("2026-11-01", 1),
        ("0.3.36 rtx", 2),
        ("qwen3 gemma", 0),
    ],
)
def test_every_word_has_to_occur(words, found):
    assert len(find_loads(LOADS, words)) == found
