"""Options -> a target's text -> options is the identity, over the whole option space; what a target cannot
say is warned of.
"""

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kvdesk.export import TARGETS
from kvdesk.export.exporter import EVERY_LAYER, Launch
from kvdesk.export.launches import read_launch
from kvdesk.export.other_engine import OWN_TO_LLAMA_CPP
from kvdesk.export.own_command import own_words
from kvdesk.export.parse import parse_words
from kvdesk.export.shells import BY_NAME, SHELLS
from kvdesk.plan.options import OPTIONS, LoadOptions
from tests.plan.strategies import load_options

MODEL = "~/models/a b.gguf"
# Texts that can be read again; the others have forms of programs that are not of llama.cpp's family.
READ_BACK = [
    target
    for target in TARGETS
    if target.name
    in {
        *(
            "llama-server",
            "llama-cli",
            "llama-bench",
            "llama-perplexity",
            "llama-box",
            "llama-server-preset",
        ),
        *("llama-swap", "ollama", "koboldcpp", "koboldcpp-settings", "docker-compose", "systemd"),
    }
]
# They have a switch for flash attention; “auto” is on wherever there is a kernel for it.
ONE_TYPE = {"f16", "q8_0", "q4_0"}  # what programs with one type for K and V have
WITHOUT_AUTO = {"ollama", "koboldcpp", "koboldcpp-settings"}
NAMES = [row.name for row in OPTIONS]


def one_run(options):
    """What every target can be asked for: a context that is a number, a batch that is no longer."""
    assume(options.ctx_size >= 1024)
    assume(EVERY_LAYER not in {options.n_gpu_layers, options.n_cpu_moe})  # a number that means all
    return msgspec.structs.replace(
        options,
        batch_size=min(options.batch_size, options.ctx_size),
        n_cpu_moe=0 if options.cpu_moe else options.n_cpu_moe,  # the experts of all layers anyway
    )


def whole_space():
    """All options; every second time with the pairs that programs with one cache type can have."""
    pairs = [load_options(cache_type_k=name, cache_type_v=name) for name in ONE_TYPE]
    return load_options() | st.one_of(pairs)


@pytest.mark.parametrize("target", READ_BACK, ids=lambda target: target.name)
@settings(max_examples=150, deadline=None)
@given(options=whole_space(), shell=st.sampled_from(SHELLS))
def test_what_a_target_can_say_survives_the_way_out_and_back(target, options, shell):
    launch = Launch(MODEL, one_run(options))
    warned = {warning.option for warning in target.warnings(launch)}
    read = read_launch(target.render(launch, shell))
    kinds = {launch.options.cache_type_k, launch.options.cache_type_v}
    if "cache_type_k" in warned:  # one warning is of both
        warned.add("cache_type_v")
        if len(kinds) == 1 and kinds <= ONE_TYPE and launch.options.flash_attn != "off":
            warned -= {"cache_type_k", "cache_type_v"}
    said = [name for name in NAMES if name in target.expresses and name not in warned]
    if target.name in WITHOUT_AUTO and launch.options.flash_attn == "auto":
        said.remove("flash_attn")
        assert read.options.flash_attn in {"on", "auto"}
    assert {name: getattr(read.options, name) for name in said} == {
        name: getattr(launch.options, name) for name in said
    }


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@settings(max_examples=100, deadline=None)
@given(options=whole_space())
def test_what_a_target_cannot_say_is_warned_of(target, options):
    launch = Launch(MODEL, one_run(options))
    warned = {warning.option for warning in target.warnings(launch)}
    lost = {
        row.name
        for row in OPTIONS
        if row.name not in target.expresses and getattr(launch.options, row.name) != row.default
    }
    # A batch takes memory through the ubatch alone; outputs are llama.cpp's own programs' affair.
    known = {"batch_size", "n_outputs_max"} | (OWN_TO_LLAMA_CPP if target.group == "engine" else set())
    assert lost - known <= warned
    if target.group == "llama.cpp" and launch.options.n_outputs_max not in {None, 0, launch.options.parallel}:
        assert "n_outputs_max" in warned


@settings(max_examples=300, deadline=None)
@given(options=load_options())
def test_our_own_flags_say_every_option(options):
    assert parse_words(["llama-cli", "-m", "a.gguf", *own_words(options)]).options == options


def test_every_option_of_a_plain_launch_is_read_back_by_the_server():
    text = TARGETS[0].render(Launch(MODEL, LoadOptions()), BY_NAME["bash"])
    assert read_launch(text).options == LoadOptions()
