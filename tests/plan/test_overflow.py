"""What falls out of a context, and the ways on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.phrases import Phrase
from kvdesk.plan.overflow import Way, Weighed, exchanges, falling_out, overflow_of, reread_after

TALK = (
    Weighed("system", 20),
    Weighed("user", 100, id=1),
    Weighed("assistant", 200, id=2),
    Weighed("user", 50, is_pinned=True, id=3),
    Weighed("assistant", 60, id=4),
    Weighed("user", 90, id=5),
    Weighed("assistant", 300, id=6),
    Weighed("user", 30),
)
TOKENS = sum(message.tokens for message in TALK)
OBSTACLE = Phrase("This model's cache cannot be moved.")


def test_exchanges_begin_with_a_question():
    assert exchanges(TALK) == ((1, 2), (3, 4), (5, 6), (7,))
    assert exchanges((Weighed("assistant", 1), Weighed("user", 1))) == ((0,), (1,))


def test_the_oldest_exchange_goes_whole_and_a_quarter_at_least():
    assert falling_out(TALK, 1000, 1) == (1, 2)
    assert falling_out(TALK, 1600, 1) == (1, 2, 5, 6)  # 300 are not a quarter; the pinned exchange stays


def test_nothing_falls_out_where_it_would_not_be_enough():
    assert falling_out(TALK, 1000, 691) == ()
    assert falling_out(TALK, 1000, 690) == (1, 2, 5, 6)


def test_a_prompt_that_fits_with_its_answer_overflows_nothing():
    assert overflow_of(TALK, TOKENS, 150, 1000) is None
    assert overflow_of(TALK, TOKENS, 151, 1000).excess_tokens == 1


def test_a_gap_that_cannot_be_closed_is_read_again_and_says_why():
    shifted = overflow_of(TALK, TOKENS, 200, 1000)
    assert (shifted.reread_tokens, shifted.dropped_tokens) == (0, 300)
    assert shifted.way("roll").seconds == 0
    read = overflow_of(TALK, TOKENS, 200, 1000, obstacle=OBSTACLE, seconds=lambda depth, tokens: tokens / 100)
    assert read.reread_tokens == reread_after(TALK, (1, 2)) == 530
    assert read.way("roll").seconds == 5.3
    assert OBSTACLE in read.way("roll").cost


def test_a_summary_costs_reading_writing_and_reading_again():
    found = overflow_of(
        TALK, TOKENS, 200, 1000, seconds=lambda depth, tokens: tokens / 100, decode_tokens_per_s=10
    )
    # 300 read for the summary, 48 written, 48 + 530 read behind it.
    assert found.way("compact").seconds == pytest.approx(3.0 + 4.8 + 5.78)


def test_what_cannot_be_done_says_so():
    pinned = [Weighed(m.role, m.tokens, is_pinned=True) for m in TALK]
    found = overflow_of(pinned, TOKENS, 200, 1000)
    assert not any(found.way(kind).is_possible for kind in ("roll", "drop", "compact", "grow"))
    assert found.way("stop").is_possible
    grow = Way("grow", Phrase("2,048 tokens."), 0.1)
    assert overflow_of(TALK, TOKENS, 200, 1000, grow=grow).way("grow") is grow


def test_a_prompt_alone_that_is_too_long_gets_no_answer():
    found = overflow_of(TALK, TOKENS, 10, TOKENS)
    assert found.is_prompt_too_long
    assert "no answer" in found.way("stop").cost
    assert "ends after 10 tokens" in overflow_of(TALK, TOKENS, 11, TOKENS + 10).way("stop").cost


messages = st.builds(Weighed, st.sampled_from(("user", "assistant")), st.integers(1, 400), st.booleans())


@given(st.lists(messages, max_size=20), st.integers(1, 2000), st.integers(1, 3000))
def test_what_falls_out_is_enough_unpinned_and_never_the_last_exchange(talk, n_ctx, excess):
    out = falling_out(talk, n_ctx, excess)
    runs = exchanges(talk)
    assert not any(talk[place].is_pinned for place in out)
    assert not set(out) & set(runs[-1] if runs else ())
    assert all(set(run) <= set(out) or not set(run) & set(out) for run in runs)
    if out:
        assert sum(talk[place].tokens for place in out) >= excess
