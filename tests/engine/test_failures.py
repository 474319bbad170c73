"""Failures of the real engine with real causes: each is named, and what was told before stays told."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from kvdesk.engine.protocol import (
    Chat,
    EngineExited,
    Event,
    Hello,
    Load,
    Loaded,
    LoadProgress,
    Message,
    Park,
    PrefillProgress,
    Resume,
    TextPiece,
    TurnDone,
)
from kvdesk.errors import Crashed, KvDeskError, OutOfMemory, Truncated
from kvdesk.gguf.open import open_model
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from tests.ggufs import make_model
from tests.rpc_servers import RpcServer, two_servers

Start = Callable[..., Any]
SMALL = LoadOptions(ctx_size=1024, threads=1)
WAIT_S = 60.0
pytestmark = [
    pytest.mark.llama,
    pytest.mark.skipif(sys.platform != "linux", reason="signals, limits and mapped files as Linux has them"),
]


@pytest.fixture(scope="module")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose load, prefill and answer last long enough to be interrupted."""
    folder = tmp_path_factory.mktemp("wide")
    return make_model("llama", folder, file_type="f16", n_embd=1024, n_head=16, n_head_kv=4, n_ff=4096)


def load(client: Any, model: Path | str, options: LoadOptions = SMALL) -> Loaded:
    loaded = client.request(Load(id=client.next_id(), model=str(model), options=options), WAIT_S)
    assert isinstance(loaded, Loaded)
    return loaded


def question(client: Any, text: str = "Hello", max_tokens: int = 4) -> Chat:
    sampling = Sampling(max_tokens=max_tokens, temperature=0)
    return Chat(id=client.next_id(), messages=(Message("user", text),), sampling=sampling, chat="1")


def error_of(work: Callable[[], object]) -> KvDeskError:
    with pytest.raises(KvDeskError) as caught:
        work()
    return caught.value


def limit_address_space(client: Any, extra_bytes: int) -> None:
    """Let the engine have so much more of it, and no more."""
    import resource

    size = psutil.Process(client.pid).memory_info().vms + extra_bytes
    resource.prlimit(client.pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))


# ---------------------------------------------------------------------------------------- memory runs out


def test_no_memory_in_the_middle_of_a_prompt(engine: Start, wide_model: Path) -> None:
    """The work buffer of the CPU grows with the first long ubatch, where nothing catches that it cannot."""
    client = engine()
    load(client, wide_model, LoadOptions(ctx_size=4096, ubatch_size=2048, batch_size=2048, threads=2))
    assert isinstance(client.request(question(client), WAIT_S), TurnDone)
    limit_address_space(client, 0)
    error = error_of(lambda: client.request(question(client, "word " * 600), WAIT_S))
    assert isinstance(error, OutOfMemory)
    assert error.message == "Not enough memory for the computation."
    assert "ubatch" in error.hint


def test_no_memory_for_our_own_libraries(engine: Start, demo: str) -> None:
    client = engine()
    load(client, demo)
    limit_address_space(client, 0)  # numpy and jinja2 are loaded with the first conversation
    error = error_of(lambda: client.request(question(client), WAIT_S))
    assert isinstance(error, OutOfMemory)
    assert error.hint
    assert client.is_running()


def test_no_address_space_for_the_mapped_file(engine: Start, wide_model: Path) -> None:
    client = engine()
    client.wait_for(Hello)
    limit_address_space(client, 16 * 2**20)
    error = error_of(lambda: load(client, wide_model))
    assert isinstance(error, OutOfMemory)
    assert "the mapped file" in error.message
    assert "smaller model" in error.hint


# ------------------------------------------------------------------------------------------ files cut short


def test_a_file_that_ends_in_its_header_or_its_tensors(engine: Start, demo: str, tmp_path: Path) -> None:
    client, begin = engine(), open_model(demo).data_offset
    for place in (10, begin // 2, begin - 40, begin + 5, begin * 2):
        cut = tmp_path / f"cut-{place}.gguf"
        shutil.copy(demo, cut)
        os.truncate(cut, place)
        error = error_of(lambda cut=cut: load(client, cut))
        assert isinstance(error, Truncated), place
        assert cut.name in error.message
        assert error.hint
    assert load(client, demo).n_ctx_seq == 1024


def test_a_file_that_is_cut_while_it_is_mapped(engine: Start, wide_model: Path, tmp_path: Path) -> None:
    """Its pages are gone with the next touch: SIGBUS."""
    cut = tmp_path / "cut.gguf"
    shutil.copy(wide_model, cut)
    client = engine()
    load(client, cut)
    os.truncate(cut, 2**20)
    error = error_of(lambda: client.request(question(client), WAIT_S))
    assert isinstance(error, Crashed)
    assert "cut short" in error.message
    assert "SIGBUS" in error.message
    assert "file" in error.hint
    # Loaded again as it was it says what is wrong.
    assert isinstance(error_of(lambda: load(engine(), cut)), Truncated)


def test_an_abort_is_told_in_ggmls_own_words(engine: Start, tmp_path: Path) -> None:
    """A header that contradicts itself where nothing but an assertion looks."""
    model = make_model("qwen2", tmp_path, keys={"rope.dimension_count": 128})
    client = engine()
    error = error_of(lambda: load(client, model))
    assert isinstance(error, Crashed)
    assert error.message == "llama.cpp aborted: GGML_ASSERT(n_embd_head == n_rot) failed"
    assert client.wait_for(EngineExited).cause == "aborted"


# ----------------------------------------------------------------------------------------------- RPC servers


@pytest.fixture
def servers() -> Iterator[tuple[RpcServer, RpcServer]]:
    with two_servers() as started:
        yield started


@pytest.mark.parametrize("phase", [LoadProgress, PrefillProgress, TextPiece])
def test_a_server_that_is_killed_is_named(
    engine: Start, wide_model: Path, servers: tuple[RpcServer, RpcServer], phase: type[Event]
) -> None:
    client = engine()
    options = LoadOptions(
        ctx_size=4096,
        ubatch_size=32,
        threads=1,
        rpc=tuple(server.endpoint for server in servers),
        tensor_split=(1.0, 1.0),
        mmap=False,
    )
    client.send(Load(id=client.next_id(), model=str(wide_model), options=options))
    if phase is not LoadProgress:
        client.send(question(client, "word " * 300, max_tokens=3000))
    client.wait_for(phase)
    servers[1].kill()
    end = client.wait_for(EngineExited)
    assert end.cause == "aborted"
    assert f"{servers[1].endpoint} is gone" in end.message
    assert "the chat is kept" in end.hint


# ------------------------------------------------------------------------------------------------ a full disk


def on_a_small_disk(folder: Path) -> list[str]:
    """The engine's command, with a disk of one MiB at the folder that it alone sees. Skips where that is
    forbidden.
    """
    mount = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    script = f"mount -t tmpfs -o size=1m none '{folder}' && exec \"$@\""
    if shutil.which("unshare") is None or subprocess.run([*mount, script, "sh", "true"]).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    return [*mount, script, "sh", sys.executable, "-m", "kvdesk.engine.worker"]


def test_a_disk_that_is_full_keeps_what_was_parked(engine: Start, demo: str, tmp_path: Path) -> None:
    client = engine(on_a_small_disk(tmp_path))
    load(client, demo)
    done = client.request(question(client, "The code for the blue box is 48213."), WAIT_S)
    path = tmp_path / "chat-1.kv"
    park = Park(id=client.next_id(), chat="1", path=str(path))
    parked = client.request(park, WAIT_S)
    as_the_engine_sees_it = Path(f"/proc/{client.pid}/root{path}")
    before = as_the_engine_sees_it.read_bytes()
    assert len(before) == parked.n_bytes
    client.request(question(client, "word " * 700), WAIT_S)
    error = error_of(lambda: client.request(msgspec.structs.replace(park, id=client.next_id()), WAIT_S))
    assert str(path) in error.message
    assert "No space left on device" in error.message
    assert "what was parked before is still there" in error.hint
    assert as_the_engine_sees_it.read_bytes() == before
    assert list(as_the_engine_sees_it.parent.iterdir()) == [as_the_engine_sees_it]
    resumed = client.request(Resume(id=client.next_id(), chat="1", path=str(path)), WAIT_S)
    assert resumed.tokens == done.cache.cells_used
