"""What readings tell of the next one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.plan.depth_curve import KEPT, DepthCurve


def learnt(law, places):
    curve = DepthCurve()
    for depth, tokens in places:
        curve = curve.with_reading(depth, tokens, law(depth, tokens))
    return curve


PLACES = ((0, 30), (40, 512), (600, 2000), (3000, 64), (5000, 900))


def test_nothing_is_said_before_something_is_known():
    curve = learnt(lambda depth, tokens: 0.1, PLACES[:2])
    assert curve.seconds(100, 100) is None
    assert curve.tokens_per_s(100) is None
    assert curve.seconds(100, 0) == 0


@given(st.floats(0, 1), st.floats(1e-5, 0.1), st.floats(0, 1e-5))
def test_a_law_of_this_form_is_found_again(start, each, back):
    def law(depth, tokens):
        return start + tokens * each + tokens * (depth + tokens / 2) * back

    curve = learnt(law, PLACES)
    for depth, tokens in ((0, 100), (8000, 1000), (20000, 5)):
        assert curve.seconds(depth, tokens) == pytest.approx(law(depth, tokens), rel=0.02, abs=1e-4)


@given(st.lists(st.tuples(st.integers(0, 10**5), st.integers(1, 10**4), st.floats(1e-4, 100)), min_size=3))
def test_time_is_never_negative_and_grows_with_what_is_read(readings):
    curve = DepthCurve()
    for reading in readings:
        curve = curve.with_reading(*reading)
    assert len(curve.readings) <= KEPT
    times = [curve.seconds(1000, tokens) for tokens in (1, 10, 100, 1000)]
    assert times == sorted(times)
    assert times[0] >= 0


def test_deeper_is_slower_where_it_was_so():
    curve = learnt(lambda depth, tokens: tokens * (1e-3 + depth * 1e-6), PLACES)
    assert curve.tokens_per_s(10_000) < curve.tokens_per_s(0)


def test_the_speed_of_writing_is_that_of_the_last_answer_worth_it():
    curve = DepthCurve().with_decode(20, 2.0).with_decode(3, 0.1)
    assert curve.decode_tokens_per_s == 10
