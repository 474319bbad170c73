"""The largest context fits, the next one does not, and both were looked at."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.memory.estimate import estimate
from kvdesk.memory.report import Kind
from kvdesk.plan import solve
from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.configure import configure
from kvdesk.plan.fits import ALL_PAIRS, PairFit, ranked
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.solve import attempt, bytes_per_token, context_limit, fit_all, fit_pair, largest, step_of
from kvdesk.units import MIB
from tests.plan.shapes import CPU, demo_shape, gpu, gpu_for

SMALL = (gpu_for(LoadOptions(ctx_size=2048), 15 * MIB), CPU)


@given(
    st.integers(1, 4).map(lambda n: 256 * n),
    st.integers(1, 400),
    st.integers(-(10**9), 10**10),
    st.integers(1, 10**6),
    st.integers(0, 10**7),
)
def test_the_search_ends_where_the_margin_does(step, steps, budget, slope, wobble):
    high = step * steps
    asked = []

    def margin(ctx):
        asked.append(ctx)
        return budget - slope * ctx - (wobble if ctx // step % 3 == 0 else 0)

    found = largest(step, high, step, margin)
    if found is None:
        assert margin(step) < 0
    else:
        assert margin(found) >= 0
        assert found == high or margin(found + step) < 0
        assert found % step == 0
    assert all(step <= ctx <= high for ctx in asked)


def test_a_straight_line_is_found_in_few_steps():
    asked = set()

    def margin(ctx):
        asked.add(ctx)
        return 10**9 - 9000 * ctx

    assert largest(256, 1_048_576, 256, margin) == 10**9 // 9000 // 256 * 256
    assert len(asked) <= 5


@pytest.mark.parametrize("pair", [("f16", "f16"), ("q8_0", "q4_0"), ("f32", "q8_0")])
def test_a_pair_fits_at_its_context_and_not_at_the_next(pair):
    (fit,) = fit_all(demo_shape(), LoadOptions(), SMALL, 15 * MIB, (pair,))
    assert fit.max_ctx_size is not None
    limits = ceilings(SMALL, Amount(15 * MIB))

    def fits(ctx_size):
        options = LoadOptions(ctx_size=ctx_size, cache_type_k=pair[0], cache_type_v=pair[1])
        report = estimate(demo_shape(), configure(options, demo_shape(), SMALL))
        return all(report.needed_bytes(name) <= limit for name, limit in limits.items())

    assert fits(fit.max_ctx_size)
    assert fit.max_ctx_size == 4096 or not fits(fit.max_ctx_size + 256)


@pytest.mark.parametrize("spare_mib", [0, 3, 9, 40])
def test_every_pair_that_was_foreseen_holds_what_it_says(spare_mib):
    devices = (gpu_for(LoadOptions(ctx_size=1024), spare_mib * MIB), CPU)
    limits = ceilings(devices, Amount(0))
    for fit in fit_all(demo_shape(), LoadOptions(), devices):
        options = LoadOptions(cache_type_k=fit.cache_type_k, cache_type_v=fit.cache_type_v)
        at = attempt(demo_shape(), options, devices, limits, fit.max_ctx_size or 256)
        assert (at.margin_bytes >= 0) == (fit.max_ctx_size is not None)
        assert abs(at.margin_bytes - fit.margin_bytes) < 16 * 1024
        assert abs(at.report.bytes_of() - fit.total_bytes) < 16 * 1024
        if fit.max_ctx_size and fit.max_ctx_size < 4096:
            assert attempt(demo_shape(), options, devices, limits, fit.max_ctx_size + 256).margin_bytes < 0


@pytest.mark.parametrize("split", [(), (3.0, 1.0), (1.0, 4.0)])
def test_of_several_devices_the_tightest_decides(split):
    options = LoadOptions(tensor_split=split)
    report = attempt(demo_shape(), options, (gpu("CUDA0"), gpu("CUDA1"), CPU), {}, 1024).report
    devices = (
        gpu("CUDA0", size_bytes=report.needed_bytes("CUDA0") + 2 * MIB),
        gpu("CUDA1", size_bytes=report.needed_bytes("CUDA1") + MIB),
        CPU,
    )
    limits = ceilings(devices, Amount(0))
    for fit in fit_all(demo_shape(), options, devices):
        pair = msgspec.structs.replace(options, cache_type_k=fit.cache_type_k, cache_type_v=fit.cache_type_v)
        at = attempt(demo_shape(), pair, devices, limits, fit.max_ctx_size or 256)
        assert (at.margin_bytes >= 0) == (fit.max_ctx_size is not None)
        if fit.max_ctx_size and fit.max_ctx_size < 4096:
            assert attempt(demo_shape(), pair, devices, limits, fit.max_ctx_size + 256).margin_bytes < 0


@pytest.mark.parametrize(("spare_mib", "most"), [(900, 16), (0, 81)])
def test_pairs_tell_of_each_other(monkeypatch, spare_mib, most):
    asked = []

    def counted(*about):
        asked.append(about)
        return attempt(*about)

    monkeypatch.setattr(solve, "attempt", counted)
    fit_all(demo_shape(), LoadOptions(), (gpu_for(LoadOptions(ctx_size=1024), spare_mib * MIB), CPU))
    assert len(asked) <= most


def test_all_pairs_are_answered_once():
    fits = fit_all(demo_shape(), LoadOptions(), SMALL)
    assert tuple((fit.cache_type_k, fit.cache_type_v) for fit in fits) == ALL_PAIRS
    assert len(set(ALL_PAIRS)) == 81


def test_what_is_refused_fits_nowhere_and_says_why():
    fits = fit_all(demo_shape(), LoadOptions(flash_attn="off"), SMALL)
    refused = [fit for fit in fits if fit.is_refused]
    assert {fit.cache_type_v for fit in refused} == {"q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"}
    assert all(fit.max_ctx_size is None and "flash attention" in fit.why for fit in refused)


def test_where_weights_alone_are_too_much_the_lack_is_said():
    fit = fit_pair(demo_shape(), LoadOptions(), (gpu(mib=100), CPU))
    assert fit.max_ctx_size is None
    assert fit.margin_bytes < 0
    assert "CUDA0 lacks" in fit.why


def test_sequences_have_their_own_parts_and_the_step_is_theirs():
    options = LoadOptions(parallel=4)
    assert step_of(options) == 1024
    assert context_limit(demo_shape(), options) == 4 * 4096
    fit = fit_pair(demo_shape(), options, (gpu(mib=4096), CPU))
    assert fit.max_ctx_size == 4 * 4096
    assert step_of(LoadOptions(parallel=4, kv_unified=True)) == 256


def test_scaled_rope_reaches_further():
    assert context_limit(demo_shape(), LoadOptions(rope_scaling="yarn", rope_scale=4)) == 4 * 4096
    assert context_limit(demo_shape(), LoadOptions(rope_scaling="linear", rope_freq_scale=0.5)) == 2 * 4096


@pytest.mark.parametrize("pair", [("f16", "f16"), ("q8_0", "q5_1"), ("iq4_nl", "f32")])
def test_bytes_a_token_are_the_slope_of_the_cache(pair):
    def cache(ctx_size):
        options = LoadOptions(cache_type_k=pair[0], cache_type_v=pair[1], ctx_size=ctx_size)
        config = configure(options, demo_shape(), (CPU,))
        report = estimate(demo_shape(), config)
        return report.bytes_of(Kind.K) + report.bytes_of(Kind.V), config

    (more, config), (less, _) = cache(2048), cache(1024)
    assert bytes_per_token(demo_shape(), config) * 1024 == more - less


def test_a_devices_unknown_memory_limits_nothing():
    devices = (msgspec.structs.replace(gpu(), free_bytes=None), msgspec.structs.replace(CPU, free_bytes=None))
    assert fit_pair(demo_shape(), LoadOptions(), devices).max_ctx_size == 4096


def found(k, v, ctx, kernel="gpu", **more):
    return PairFit(k, v, ctx, 0, 0, kernel, 0, "", **more)


def test_quality_comes_first_among_those_that_hold_what_is_wanted():
    order = ranked(
        [found("q4_0", "q4_0", 90_000), found("q8_0", "q8_0", 40_000), found("f16", "f16", 20_000)], 32_768
    )
    assert [fit.cache_type_k for fit in order] == ["q8_0", "q4_0", "f16"]


def test_where_none_holds_it_the_longest_comes_first():
    order = ranked([found("f16", "f16", 2000), found("q4_0", "q4_0", 8000)], 32_768)
    assert order[0].cache_type_k == "q4_0"


def test_the_cpus_pairs_come_after_the_gpus_and_those_that_fit_nowhere_last():
    order = ranked(
        [
            found("f16", "f16", None, is_refused=True),
            found("f32", "f32", None),
            found("f16", "q8_0", 9000, "cpu"),
            found("q4_0", "q4_0", 9000),
        ],
        1000,
    )
    assert [(fit.kernel, fit.max_ctx_size) for fit in order] == [
        ("gpu", 9000),
        ("cpu", 9000),
        ("gpu", None),
        ("gpu", None),
    ]
    assert order[-1].is_refused


def test_a_pair_is_as_good_as_its_weaker_half():
    assert found("f16", "q4_0", 1).quality == "poor"
    assert found("q8_0", "f16", 1).quality == "close"
    assert found("bf16", "f32", 1).quality == "exact"
