"""A rehearsal fills the context and leaves a conversation exactly as it was, however it ends."""

from itertools import pairwise
from pathlib import Path

import pytest

from kvdesk.engine.llama import devices
from kvdesk.engine.llama.rehearsal import ROUNDS, STOPS, Rehearsal
from kvdesk.engine.protocol import RehearsalProgress, Rehearse
from kvdesk.errors import Cancelled
from tests.engine.contexts import FAMILIES, bench, make_family, state_of

pytestmark = pytest.mark.llama


@pytest.mark.parametrize("family", FAMILIES)
def test_fills_to_the_end_and_puts_everything_back(family: str, tmp_path: Path) -> None:
    told: list[RehearsalProgress] = []
    with bench(make_family(family, tmp_path)) as made:
        context = made.filled()
        tokens, state = list(context.tokens), state_of(context)
        handles = devices.local_handles()
        done = Rehearsal(Rehearse(id=1), context, handles, told.append, lambda: False).run()
        assert context.tokens == tokens
        assert state_of(context) == state

        assert done.n_tokens == context.n_ctx_seq
        assert [said.done_tokens for said in told].count(context.n_ctx_seq) == ROUNDS
        assert {said.round for said in told} == set(range(1, ROUNDS + 1))
        assert len(done.speeds) == STOPS
        depths = [speed.depth for speed in done.speeds]
        assert depths == sorted(set(depths))
        assert all(speed.prefill_tokens_per_s > 0 and speed.decode_tokens_per_s for speed in done.speeds)
        (host,) = done.high_water
        assert host.used_bytes > 0
        assert done.process_bytes > 0


def test_the_time_left_only_falls_once_a_round_was_timed(tmp_path: Path) -> None:
    told: list[RehearsalProgress] = []
    with bench(make_family("llama", tmp_path)) as made:
        Rehearsal(Rehearse(id=1), made.empty(), [], told.append, lambda: False).run()
    second = [said.left_s for said in told if said.round == ROUNDS]
    assert told[0].left_s is None  # nothing is known yet
    assert all(earlier >= later for earlier, later in pairwise(second))


@pytest.mark.parametrize("steps", [0, 3, 9])
def test_a_cancel_puts_everything_back(steps: int, tmp_path: Path) -> None:
    told: list[RehearsalProgress] = []
    with bench(make_family("llama", tmp_path)) as made:
        context = made.filled()
        tokens, state = list(context.tokens), state_of(context)
        rehearsal = Rehearsal(Rehearse(id=1), context, [], told.append, lambda: len(told) > steps)
        with pytest.raises(Cancelled):
            rehearsal.run()
        assert context.tokens == tokens
        assert state_of(context) == state
