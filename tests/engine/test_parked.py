"""A parked cache comes back as it was, or not at all; an old file stays until the new one is whole."""

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from kvdesk.engine.llama import parked
from kvdesk.engine.llama.parked import park, resume
from kvdesk.engine.llama.transcript import Transcript
from kvdesk.engine.protocol import Message
from kvdesk.errors import Cancelled, DoesNotFit, EngineError
from tests.engine.contexts import (
    FAMILIES,
    TOKENS,
    Bench,
    bench,
    expectations,
    make_family,
    mean_divergence,
    state_of,
)

pytestmark = pytest.mark.llama


@pytest.fixture(scope="module", params=("demo", *FAMILIES))
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(make_family(request.param, tmp_path_factory.mktemp("models"))) as made:
        yield made


@pytest.fixture(scope="module")
def demo() -> Iterator[Bench]:
    with bench(make_family("demo", Path())) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chat-1.kv"


def transcript() -> Transcript:
    made = Transcript(
        datetime(2026, 5, 4, 3, 2, 1), (Message("user", "Grüße"),), "Grüße\xff".encode("latin-1")
    )
    made.begin_answer()
    made.tokens = list(TOKENS)
    made.evaluated_tokens = len(TOKENS)
    return made


def parked_demo(made: Bench, file: Path) -> bytes:
    park(made.filled(), "1", transcript(), file)
    return file.read_bytes()


def test_it_comes_back_as_it_was(family: Bench, file: Path) -> None:
    context = family.filled()
    before = state_of(context)
    n_bytes = park(context, "1", transcript(), file)
    assert file.stat().st_size == n_bytes > len(before)
    assert state_of(context) == before
    again = family.empty(ctx_size=1024)
    assert resume(again, file) == transcript()
    assert again.tokens == TOKENS
    assert state_of(again) == before
    assert mean_divergence(expectations(context), expectations(again)) < 1e-9


def test_only_its_owner_may_read_it_and_nothing_else_is_left(demo: Bench, file: Path) -> None:
    parked_demo(demo, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("name", ["q8_0", "q4_0", "f32"])
def test_it_is_converted_to_the_types_that_are_wanted_now(family: Bench, name: str, file: Path) -> None:
    park(family.filled(), "1", transcript(), file)
    context = family.empty(cache_type_k=name, cache_type_v=name)
    resume(context, file)
    native = family.filled(cache_type_k=name, cache_type_v=name)
    before = expectations(family.filled())
    usual = mean_divergence(before, expectations(native))
    assert mean_divergence(before, expectations(context)) <= 3 * usual + 1e-4


def test_a_full_context_rests_too(family: Bench, file: Path) -> None:
    full = (TOKENS * 2)[:512]
    context = family.filled(full)
    before = state_of(context)
    park(context, "1", transcript(), file)
    for ctx_size in (512, 1024):
        again = family.empty(ctx_size=ctx_size)
        resume(again, file)
        assert again.tokens == full
        assert len(state_of(again)) == len(before)


def test_a_smaller_context_is_filled_to_its_end(demo: Bench, file: Path) -> None:
    park(demo.filled((TOKENS * 2)[:512], ctx_size=1024), "1", transcript(), file)
    context = demo.empty()
    resume(context, file)
    assert len(context.tokens) == context.n_ctx_seq


def test_a_context_that_is_too_small_is_said(demo: Bench, file: Path) -> None:
    parked_demo(demo, file)
    context = demo.empty(ctx_size=256)
    with pytest.raises(DoesNotFit, match="320 tokens"):
        resume(context, file)
    assert context.tokens == []


def test_another_model_is_named_as_the_difference(demo: Bench, file: Path, tmp_path: Path) -> None:
    parked_demo(demo, file)
    match = "another model"
    with bench(make_family("llama", tmp_path)) as other, pytest.raises(EngineError, match=match):
        resume(other.empty(), file)


def test_other_positions_are_named_as_the_difference(demo: Bench, file: Path) -> None:
    parked_demo(demo, file)
    with pytest.raises(EngineError, match="scaling of positions"):
        resume(demo.empty(rope_freq_base=1000.0), file)


def test_another_release_is_named_as_the_difference(
    demo: Bench, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parked_demo(demo, file)
    monkeypatch.setattr(parked, "binding_version", lambda: "0.0.1")
    with pytest.raises(EngineError, match="release of llama-cpp-python"):
        resume(demo.empty(), file)


def test_what_predicts_otherwise_is_not_taken(demo: Bench, file: Path) -> None:
    """A description that goes with other contents, as a bug would write it: every checksum is right."""
    context = demo.filled()
    context.keep(100)
    context.decode(TOKENS[:220])  # other contents than the tokens say
    context.tokens[:] = TOKENS
    park(demo.filled(), "1", transcript(), file)
    whole = file.read_bytes()
    park(context, "1", transcript(), file)
    other = file.read_bytes()
    head = parked._HEAD
    first, second = head.unpack_from(whole), head.unpack_from(other)
    place = len(whole) - first[4]
    mixed = head.pack(*first[:5], second[5]) + whole[head.size : place] + other[-second[4] :]
    file.write_bytes(mixed)
    again = demo.filled(TOKENS[:50])
    with pytest.raises(EngineError, match="predicts something else"):
        resume(again, file)
    assert again.tokens == []


@pytest.mark.parametrize("place", np.linspace(0, 0.9999, 25).tolist())
def test_a_flipped_bit_is_noticed_wherever_it_is(demo: Bench, place: float, file: Path) -> None:
    data = bytearray(parked_demo(demo, file))
    state_bytes = parked._HEAD.unpack_from(data)[4]
    written = parked._HEAD.size + parked._HEAD.unpack_from(data)[2]
    at = int(place * (written + state_bytes))
    data[at if at < written else at - written + len(data) - state_bytes] ^= 4
    file.write_bytes(data)
    context = demo.filled(TOKENS[:50])
    with pytest.raises(EngineError):
        resume(context, file)
    assert context.tokens == TOKENS[:50]


@pytest.mark.parametrize("kept", [0, 1, 20, 31, 32, 500, 4096, 5000, 100_000, -1])
def test_a_cut_file_is_noticed(demo: Bench, kept: int, file: Path) -> None:
    file.write_bytes(parked_demo(demo, file)[:kept])
    context = demo.filled(TOKENS[:50])
    with pytest.raises(EngineError):
        resume(context, file)
    assert context.tokens == TOKENS[:50]


def test_a_missing_file_is_said(demo: Bench, file: Path) -> None:
    with pytest.raises(EngineError, match=r"chat-1\.kv"):
        resume(demo.empty(), file)


def test_a_cancel_is_obeyed(demo: Bench, file: Path) -> None:
    parked_demo(demo, file)
    context = demo.filled(TOKENS[:50])
    with pytest.raises(Cancelled):
        resume(context, file, lambda: True)
    assert context.tokens == TOKENS[:50]


def test_a_full_disk_leaves_the_old_file(demo: Bench, file: Path) -> None:
    before = parked_demo(demo, file)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    context = demo.filled(TOKENS[:200])
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # what a full disk looks like
    try:
        with pytest.raises(EngineError, match=r"chat-1\.kv") as error:
            park(context, "1", transcript(), file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert error.value.hint
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_place_that_is_no_file_is_refused(demo: Bench, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="not a file"):
        park(demo.filled(), "1", transcript(), tmp_path)


KILLED_WHILE_PARKING = """
import os, sys
from pathlib import Path
from kvdesk.engine.llama.parked import park
from tests.engine.contexts import TOKENS, bench, make_family
from tests.engine.test_parked import transcript

def stop_here(_):
    print("in the middle", flush=True)
    sys.stdin.read()

with bench(make_family("demo", Path())) as made:
    context = made.filled(TOKENS[:200])
    os.fsync = stop_here
    park(context, "1", transcript(), Path(sys.argv[1]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are POSIX")
def test_a_kill_in_the_middle_leaves_the_old_file(demo: Bench, file: Path) -> None:
    before = parked_demo(demo, file)
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED_WHILE_PARKING, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"in the middle\n"
    assert len(list(file.parent.iterdir())) == 2
    child.kill()
    child.communicate()
    assert file.read_bytes() == before
    assert resume(demo.empty(), file) == transcript()
    # The next one cleans up.
    park(demo.filled(TOKENS[:100]), "1", transcript(), file)
    assert list(file.parent.iterdir()) == [file]
    again = demo.empty()
    resume(again, file)
    assert again.tokens == TOKENS[:100]
