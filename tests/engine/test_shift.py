"""Moved caches against caches that were read afresh.

In these models attention says nothing: its output is multiplied by zeros. So K and V depend on a token and
its position alone, and a cache that was moved together must hold what a fresh reading of the rest puts there,
in every layer. Where `shift_obstacle` sees nothing in the way it does; where it names positions, it does not.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.next_token import divergence, next_scores
from kvdesk.plan.shifting import shift_obstacle
from tests.engine.contexts import TOKENS, Bench, bench, read, state_of
from tests.ggufs import make_model
from tests.ggufs_kinds import Keys

pytestmark = pytest.mark.llama

FIRST, LAST, END = 20, 90, 200
YARN: Keys = {
    "rope.scaling.type": "yarn",
    "rope.scaling.factor": 4.0,
    "rope.scaling.original_context_length": 64,
}
F32 = {"cache_type_k": "f32", "cache_type_v": "f32", "swa_full": True}


def still(kind: str, folder: Path, **keys: object) -> Path:
    """A model whose attention says nothing."""
    return make_model(kind, folder, zeros=r"attn_output\.weight", keys=keys, n_layer=8)


def difference(made: Bench, **options: object) -> float:
    """The largest difference between a moved cache and one read afresh, to the size of what is in them."""
    moved, fresh = made.filled(TOKENS[:END], **options), made.empty(**options)
    moved.close_gaps([(FIRST, LAST)])
    moved.keep(len(moved.tokens) - 1)  # the last was read again, into another cell
    read(fresh, TOKENS[:FIRST] + TOKENS[LAST : END - 1])
    assert moved.tokens == fresh.tokens
    one, other = _floats(moved), _floats(fresh)
    return float(np.abs(one - other).max() / np.abs(other).mean())


def _floats(context: Context) -> npt.NDArray[np.float64]:
    """The state as f32: counts and positions among it are denormals, next to nothing."""
    state = state_of(context)
    values = np.frombuffer(state[: len(state) // 4 * 4], np.float32).astype(np.float64)
    return np.where(np.abs(values) < 1e6, values, 0)  # magic numbers


@pytest.mark.parametrize(("kind", "keys"), [
    ("llama", {}), ("gemma3", {}), ("gpt-oss", {}), ("deepseek2", {}), ("phi2", {}), ("openelm", {}),
    ("gemma3", {"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}),
    ("deepseek2", {**YARN, "rope.scaling.yarn_log_multiplier": 0.0707}),
])  # fmt: skip
def test_what_can_be_moved_is_as_if_read_there(tmp_path: Path, kind: str, keys: Keys) -> None:
    with bench(still(kind, tmp_path, **keys)) as made:
        assert made.model.shape is not None
        assert shift_obstacle(made.model.shape, made.changed(**F32)) is None
        assert difference(made, **F32) < 1e-3


@pytest.mark.parametrize(("kind", "keys"), [
    ("llama", YARN), ("gpt-oss", YARN), ("phi3", {"rope.scaling.attn_factor": 1.19}), ("smollm3", {}),
    ("cohere2", {}), ("llama4", {}), ("afmoe", {}), ("gpt2", {}), ("hunyuan-dense", {}), ("glm-dsa", {}),
])  # fmt: skip
def test_what_llama_cpp_would_move_wrongly_is_known(tmp_path: Path, kind: str, keys: Keys) -> None:
    with bench(still(kind, tmp_path, **keys)) as made:
        assert made.model.shape is not None
        assert shift_obstacle(made.model.shape, made.changed(**F32)) is not None
        assert made.empty(**F32).can_shift  # llama.cpp sees nothing in the way
        assert difference(made, **F32) > 0.1


# With one layer K and V depend on no other token even where attention speaks. The limits are those of caches
# computed in these types from the start (next_token._MOST_CONVERTED), a tenth of what a wrong turn does.
@pytest.mark.parametrize(("cache_type", "most"), [
    ("f32", 1e-5), ("f16", 1e-5), ("q8_0", 2e-4), ("q5_1", 5e-3), ("q5_0", 5e-3),
    ("q4_1", 2e-2), ("q4_0", 2e-2), ("iq4_nl", 2e-2),
])  # fmt: skip
def test_what_comes_next_is_expected_as_after_a_fresh_reading(
    tmp_path: Path, cache_type: str, most: float
) -> None:
    options = {"cache_type_k": cache_type, "flash_attn": "on"}
    with bench(make_model("llama", tmp_path, n_layer=1, head_dim=64)) as made:
        assert shift_obstacle(made.model.shape, made.changed(**options)) is None
        moved, whole = made.filled(TOKENS[:END], **options), made.filled(TOKENS[:END], **options)
        moved.close_gaps([(5, 15), (FIRST, LAST)])
        rest = TOKENS[:5] + TOKENS[15:FIRST] + TOKENS[LAST:END]
        assert moved.tokens == rest
        expected = next_scores(made.filled(rest, **options), again=False)
        found, uncut = next_scores(moved, again=False), next_scores(whole, again=False)
        assert expected is not None
        assert found is not None
        assert uncut is not None
        assert divergence(expected, found) < most
        assert divergence(expected, uncut) > 0.05  # what was cut out mattered


@pytest.mark.parametrize(("kind", "sizes", "options"), [
    ("llama", {}, {"cache_type_k": "bf16"}),
    ("llama", {"head_dim": 32}, {"cache_type_k": "q8_0"}),
    ("phi2", {"head_dim": 128, "rope": 64}, {"cache_type_k": "q8_0"}),
    ("deepseek2", {}, {"cache_type_k": "q8_0", "cache_type_v": "q8_0"}),
])  # fmt: skip
def test_what_would_end_the_process_is_known(
    tmp_path: Path, kind: str, sizes: dict[str, int], options: dict[str, str]
) -> None:
    """The child asks shift_obstacle first, says so, and then moves the cache all the same."""
    keys = {"rope.dimension_count": sizes.pop("rope")} if "rope" in sizes else {}
    path = make_model(kind, tmp_path, keys=keys, **sizes)
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path), json.dumps(options)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"GGML_NO_BACKTRACE": "1"},
    )
    assert child.stdout.splitlines()[:1] == ["obstacle"]
    assert child.returncode < 0  # a signal


_CHILD = """
import json, sys
from pathlib import Path
from kvdesk.plan.shifting import shift_obstacle
from tests.engine.contexts import TOKENS, bench
options = json.loads(sys.argv[2])
with bench(Path(sys.argv[1])) as made:
    if shift_obstacle(made.model.shape, made.changed(**options)):
        print("obstacle", flush=True)
    made.filled(TOKENS[:200], **options).close_gaps([(20, 90)])
"""
