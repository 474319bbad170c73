"""Advice: what is offered does what it says, cheap things first."""

import msgspec

from kvdesk.plan.advice import advise
from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.solve import attempt
from tests.plan.shapes import CPU, demo_shape, gpu, gpu_for


def advice(options, device):
    devices = (device, CPU)
    limits = ceilings(devices, Amount(0))
    offers = advise(demo_shape(), options, devices, limits)
    before = attempt(demo_shape(), options, devices, limits, options.ctx_size).margin_bytes
    for offer in offers:
        changed = msgspec.structs.replace(options, **dict(offer.changes))
        after = attempt(demo_shape(), changed, devices, limits, changed.ctx_size).margin_bytes
        assert (after, after - before) == (offer.margin_bytes, offer.gain_bytes)
        assert offer.fits == (after >= 0)
        assert offer.gain_bytes > 0
        assert offer.cost.endswith(".")
    return offers


def test_what_fits_needs_no_advice():
    assert advice(LoadOptions(), gpu(mib=4096)) == ()


def test_what_is_enough_comes_first():
    wide = LoadOptions(cache_type_k="f32", cache_type_v="f32", ctx_size=4096)
    offers = advice(wide, gpu_for(LoadOptions(cache_type_k="q8_0", cache_type_v="q8_0", ctx_size=4096)))
    flags = [offer.fits for offer in offers]
    assert flags == sorted(flags, reverse=True)
    assert flags[0]


def test_layers_are_moved_only_as_far_as_needed():
    options = LoadOptions(ctx_size=4096)
    device = gpu_for(LoadOptions(ctx_size=4096, n_gpu_layers=3))
    offer = next(o for o in advice(options, device) if o.changes[0][0] == "n_gpu_layers")
    layers = offer.changes[0][1]
    assert layers == 3
    devices = (device, CPU)
    one_more = msgspec.structs.replace(options, n_gpu_layers=layers + 1)
    assert attempt(demo_shape(), one_more, devices, ceilings(devices, Amount(0)), 4096).margin_bytes < 0


def test_nothing_that_llama_cpp_refuses_is_offered():
    offers = advice(LoadOptions(flash_attn="off", ctx_size=4096), gpu_for(LoadOptions(ctx_size=2048)))
    assert offers
    assert not any(
        dict(offer.changes).get("cache_type_v") in {"q8_0", "q4_0"}
        and "flash_attn" not in dict(offer.changes)
        for offer in offers
    )
