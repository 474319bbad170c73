"""Going back with what cannot be rewound, and bringing back what rested, in the tests' own process."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kvdesk.engine.llama.checkpoints import Checkpoints
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import Log, llama
from kvdesk.engine.llama.next_token import divergence, next_scores
from kvdesk.engine.llama.shelf import Shelf
from kvdesk.engine.llama.shift import shift_obstacle, shift_together
from kvdesk.errors import Cancelled
from tests.engine.contexts import FAMILIES, TOKENS, Bench, bench, make_family, read
from tests.ggufs import make_model

pytestmark = pytest.mark.llama

# In f32 and one thread, reading in other steps moves a sum's last bits.
SAME = 1e-4
FORGETFUL = ("gemma3", "mamba2", "granitehybrid", "qwen35")


@pytest.fixture
def family(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A bench with a small model of the family that a test is given."""
    with bench(make_family(request.param, tmp_path)) as made:
        yield made


def expects_what_a_fresh_one_does(context: Context, made: Bench) -> bool:
    found = next_scores(context, again=False)
    fresh = next_scores(made.filled(context.tokens), again=False)
    assert found is not None
    assert fresh is not None
    return divergence(fresh, found) < SAME


@pytest.mark.parametrize("family", FORGETFUL, indirect=True)
def test_it_goes_back_to_a_checkpoint_and_expects_what_it_did(family: Bench) -> None:
    context = family.filled(TOKENS[:120])
    context.checkpoint()
    read(context, TOKENS[120:])
    assert context.keep(122) == 120
    assert context.tokens == TOKENS[:120]
    assert expects_what_a_fresh_one_does(context, family)
    read(context, TOKENS[200:250])
    assert expects_what_a_fresh_one_does(context, family)


@pytest.mark.parametrize("family", FORGETFUL, indirect=True)
def test_without_a_checkpoint_before_it_nothing_remains(family: Bench) -> None:
    context = family.filled(TOKENS[:200])
    context.checkpoint()
    read(context, TOKENS[200:300])
    assert context.keep(100) == 0
    assert context.tokens == []
    assert len(context.checkpoints) == 0


@pytest.mark.parametrize("family", ["llama", "deepseek2"], indirect=True)
def test_attention_that_keeps_everything_needs_none(family: Bench) -> None:
    context = family.filled(TOKENS[:300])
    context.checkpoint()
    assert len(context.checkpoints) == 0
    assert context.keep(150) == 150
    assert expects_what_a_fresh_one_does(context, family)


@pytest.mark.parametrize("kind", ["mamba2", "granitehybrid"])
def test_a_stop_in_the_middle_of_a_state_falls_back_to_a_checkpoint(kind: str, tmp_path: Path) -> None:
    with bench(make_family(kind, tmp_path)) as made:
        flag = (ctypes.c_char * 1)()
        context = Context(made.model, made.options, Log(), flag)
        try:
            read(context, TOKENS[:120])
            context.checkpoint()
            read(context, TOKENS[120:200])
            flag[0] = b"1"
            with pytest.raises(Cancelled):
                context.decode(TOKENS[200:210])
            assert context.tokens == TOKENS[:120]
            flag[0] = b"\0"
            assert expects_what_a_fresh_one_does(context, made)
        finally:
            context.close()


@pytest.mark.parametrize("family", ["mamba2"], indirect=True)
def test_a_budget_leaves_a_spread_and_the_latest(family: Bench) -> None:
    context = family.filled(TOKENS[:1])
    context.checkpoint()
    size = context.checkpoints.n_bytes
    context.checkpoints = Checkpoints(budget_bytes=4 * size)
    for token in TOKENS[1:101]:
        context.decode((token,))
        context.checkpoint()
    kept = context.checkpoints
    assert len(kept) == 4
    assert kept.n_bytes == 4 * size
    assert kept.before(101) == 101
    assert 0 < kept.before(60) <= 60
    context.checkpoints = Checkpoints(budget_bytes=size - 1)
    context.checkpoint()
    assert len(context.checkpoints) == 0


@pytest.mark.parametrize("family", FAMILIES, indirect=True)
def test_what_rested_comes_back_as_it_was(family: Bench) -> None:
    context, shelf = family.filled(TOKENS[:120]), Shelf()
    context.checkpoint()
    read(context, TOKENS[120:200])
    shelf.put("a", context)
    context.keep(0)
    read(context, TOKENS[200:300])
    assert shelf.tokens("a") == TOKENS[:200]
    assert shelf.n_bytes > 0
    assert shelf.take("a", context)
    assert context.tokens == TOKENS[:200]
    assert expects_what_a_fresh_one_does(context, family)
    assert context.keep(150) == (120 if context.needs_checkpoints else 150)
    assert expects_what_a_fresh_one_does(context, family)
    assert shelf.n_bytes == 0


@pytest.mark.parametrize("family", ["llama"], indirect=True)
@pytest.mark.parametrize(
    "changes", [{"cache_type_k": "f32"}, {"flash_attn": "off"}, {"rope_freq_base": 5000.0}, {"ctx_size": 256}]
)
def test_what_rested_is_not_taken_into_another_kind_of_context(
    family: Bench, changes: dict[str, object]
) -> None:
    shelf, tokens = Shelf(), TOKENS[:300]
    shelf.put("a", family.filled(tokens))
    other = family.empty(**changes)
    assert not shelf.fits("a", other)
    assert not shelf.take("a", other)
    assert other.tokens == []
    assert llama.llama_memory_seq_pos_max(other.memory, 0) == -1


@pytest.mark.parametrize("family", ["llama"], indirect=True)
def test_a_shelf_keeps_the_latest_within_its_budget(family: Bench) -> None:
    context, whole = family.filled(TOKENS[:100]), Shelf()
    whole.put("a", context)
    size = whole.n_bytes
    shelf = Shelf(budget_bytes=2 * size)
    for chat in ("a", "b", "c"):
        shelf.put(chat, context)
    assert [bool(shelf.tokens(chat)) for chat in ("a", "b", "c")] == [False, True, True]
    shelf.put("d", context, wanted="b")
    assert [bool(shelf.tokens(chat)) for chat in ("b", "c", "d")] == [True, False, True]
    small = Shelf(budget_bytes=size - 1)
    small.put("a", context)
    assert small.n_bytes == 0


def test_a_full_window_cache_moves_once(tmp_path: Path) -> None:
    """After a move the cells of what has left the windows are used again, though others are empty."""
    with bench(make_model("gemma3", tmp_path, window=64)) as made:
        context = made.filled(TOKENS[:300], swa_full=True)
        assert shift_obstacle(context) == ""
        assert shift_together(context, TOKENS[:20] + TOKENS[90:300]) == 210
        read(context, TOKENS[:40])
        assert llama.llama_memory_seq_pos_min(context.memory, 0) > 0
        assert "windows" in shift_obstacle(context)
        assert not context.can_rewind(50)
        assert context.keep(0) == 0
        read(context, TOKENS[:100])
        assert shift_obstacle(context) == ""


@pytest.mark.parametrize("family", ["llama"], indirect=True)
def test_several_gaps_close_at_once_and_what_is_not_wanted_goes(family: Bench) -> None:
    context = family.filled(TOKENS[:300])
    wanted = TOKENS[:20] + TOKENS[60:120] + TOKENS[200:260]
    assert shift_together(context, [*wanted, 7, 8, 9]) == 120
    assert context.tokens == wanted
    scores = next_scores(context, again=False)
    assert scores is not None
    assert np.isfinite(scores).all()
    assert llama.llama_memory_seq_pos_max(context.memory, 0) == len(wanted) - 1
    assert shift_together(context, wanted) == 0
