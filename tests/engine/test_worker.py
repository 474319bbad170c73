"""The real engine process: it loads, answers, is cancelled and killed, and says what went wrong."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFWriter

from kvdesk.engine.client import default_command
from kvdesk.engine.protocol import (
    PROTOCOL_VERSION,
    AskCache,
    CacheReport,
    Cancel,
    CancelledEvent,
    Chat,
    DevicesListed,
    DryRun,
    EngineExited,
    Event,
    Failed,
    Hello,
    KernelsProbed,
    ListDevices,
    Load,
    Loaded,
    LoadProgress,
    Message,
    Planned,
    PrefillProgress,
    ProbeKernels,
    TextPiece,
    TurnDone,
    Unload,
    Unloaded,
    decode_event,
    encode,
)
from kvdesk.errors import (
    Cancelled,
    Corrupt,
    EngineError,
    GgufError,
    KvDeskError,
    OptionError,
    OutOfMemory,
    Truncated,
)
from kvdesk.memory.cache_types import CACHE_TYPES
from kvdesk.memory.report import Kind
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from tests.ggufs import make_model

Start = Callable[..., Any]
pytestmark = pytest.mark.llama
SMALL = LoadOptions(ctx_size=1000, threads=1)
LONG_ANSWER = Sampling(max_tokens=100_000, temperature=0)


def limited(address_space_bytes: int) -> list[str]:
    """The engine's command with a limit on its address space, as `ulimit -v` sets it."""
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({address_space_bytes},) * 2);"
        "from kvdesk.engine.worker import main; raise SystemExit(main())"
    )
    return [sys.executable, "-c", code]


def test_it_greets_with_versions(engine: Start) -> None:
    hello = engine().wait_for(Hello)
    assert hello.protocol == PROTOCOL_VERSION
    assert hello.llama_cpp_python.startswith("0.3.")
    assert "CPU" in hello.build


def test_it_imports_the_binding_alone() -> None:
    code = (
        "import kvdesk.engine.llama.library, sys; print([m for m in ('numpy', 'jinja2') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_what_is_printed_on_fd_1_does_not_reach_the_protocol(engine: Start) -> None:
    code = (
        "import os, kvdesk.engine.worker as worker;"
        "take = worker.take_stdout;"
        "worker.take_stdout = lambda: (take(), os.write(1, b'noise\\n'), print('more'))[0];"
        "raise SystemExit(worker.main())"
    )
    client = engine([sys.executable, "-u", "-c", code])
    client.request(ListDevices(id=client.next_id()), 60)
    client.stop()
    tail = client.wait_for(EngineExited).stderr_tail
    assert "noise" in tail
    assert "more" in tail


def test_a_load_reports_progress_and_what_was_allocated(engine: Start, demo: str) -> None:
    client = engine()
    progress: list[Any] = []
    loaded = client.request(Load(id=client.next_id(), model=demo, options=SMALL), 60, progress.append)
    assert isinstance(loaded, Loaded)
    assert [p.stage for p in progress][-1] == "context"
    fractions = [p.fraction for p in progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert loaded.report.degree == "measurement"
    assert loaded.options.ctx_size == 1024
    assert loaded.options.batch_size == 1000
    assert loaded.n_ctx_seq == 1024
    assert loaded.flash_attn
    assert loaded.has_template
    assert loaded.process_bytes > loaded.report.bytes_of(Kind.COMPUTE)
    assert loaded.notes == ()


def test_a_second_load_replaces_the_first_and_unload_frees_it(engine: Start, demo: str) -> None:
    client = engine()
    for ctx_size in (512, 2048):
        options = LoadOptions(ctx_size=ctx_size, threads=1)
        loaded = client.request(Load(id=client.next_id(), model=demo, options=options), 60)
        assert loaded.n_ctx_seq == ctx_size
    report = client.request(AskCache(id=client.next_id()), 60)
    assert isinstance(report, CacheReport)
    assert (report.cells_used, report.n_ctx) == (0, 2048)
    assert report.k_bytes == loaded.report.bytes_of(Kind.K)
    assert isinstance(client.request(Unload(id=client.next_id()), 60), Unloaded)
    with pytest.raises(EngineError, match="No model is loaded"):
        client.request(AskCache(id=client.next_id()), 60)


def test_a_line_that_is_no_command_is_answered_and_the_next_is_obeyed() -> None:
    lines = b'{"command":"fly","id":7}\nnonsense\n\n' + encode(ListDevices(id=8))
    done = subprocess.run(default_command(), input=lines, capture_output=True, timeout=60)
    assert done.returncode == 0
    events = [decode_event(line) for line in done.stdout.splitlines()]
    failures = [event for event in events if isinstance(event, Failed)]
    assert [(event.id, event.kind) for event in failures] == [(7, "EngineError"), (0, "EngineError")]


def test_the_end_of_standard_input_ends_it_even_while_it_loads(tmp_path: Path) -> None:
    model = make_model("llama", tmp_path, n_embd=2048, n_ff=8192, n_layer=8)
    lines = encode(Load(id=1, model=str(model), options=LoadOptions(ctx_size=512, mmap=False)))
    done = subprocess.run(default_command(), input=lines, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert b'"loaded"' not in done.stdout


def test_devices_and_kernels(engine: Start) -> None:
    client = engine()
    listed = client.request(ListDevices(id=client.next_id()), 60)
    assert isinstance(listed, DevicesListed)
    host = listed.devices[-1]
    assert (host.name, host.kind) == ("CPU", "cpu")
    assert 0 < (host.free_bytes or 0) <= (host.total_bytes or 0)
    probe = ProbeKernels(id=client.next_id(), head_dims=((72, 72), (64, 64)), head_count=8, head_count_kv=2)
    probed = client.request(probe, 60)
    assert isinstance(probed, KernelsProbed)
    on_host = [answer for answer in probed.answers if answer.device == "CPU"]
    assert len(on_host) == len(CACHE_TYPES) ** 2
    supported = {(a.cache_type_k, a.cache_type_v) for a in on_host if a.supported}
    unquantised = {"f32", "f16", "bf16"}  # 72 is not a multiple of the quantised types' block
    assert supported == {(k, v) for k in unquantised for v in unquantised}


def test_a_load_can_be_cancelled(engine: Start, tmp_path: Path) -> None:
    model = make_model("llama", tmp_path, n_embd=1024, n_ff=4096, n_layer=8)
    client = engine()
    load = Load(id=client.next_id(), model=str(model), options=LoadOptions(ctx_size=512, mmap=False))

    def cancel(_: Event) -> None:
        client.send(Cancel(id=client.next_id(), target=load.id))

    with pytest.raises(Cancelled):
        client.request(load, 60, cancel)
    assert not [e for e in client.events if isinstance(e, Loaded)]
    assert isinstance(client.request(ListDevices(id=client.next_id()), 60), DevicesListed)


def test_a_command_that_still_waits_can_be_cancelled(engine: Start, demo: str) -> None:
    client = engine()
    client.wait_for(Hello)
    os.kill(client.pid, signal.SIGSTOP)
    load, second = (Load(id=client.next_id(), model=demo, options=SMALL) for _ in range(2))
    client.send(load)
    client.send(second)
    client.send(Cancel(id=client.next_id(), target=second.id))
    os.kill(client.pid, signal.SIGCONT)
    cancelled = client.wait_for(CancelledEvent)
    assert cancelled.id == second.id
    assert client.wait_for(Loaded).id == load.id


def test_prefill_and_decode_can_be_cancelled_and_the_chat_goes_on(engine: Start, demo: str) -> None:
    client = engine()
    options = LoadOptions(ctx_size=8192, ubatch_size=32, threads=1)
    client.request(Load(id=client.next_id(), model=demo, options=options), 60)
    messages = (Message("user", "The code for the blue box is 48213. " * 200),)
    for phase in (PrefillProgress, TextPiece):
        chat = Chat(id=client.next_id(), messages=messages, sampling=LONG_ANSWER, chat=phase.__name__)

        def cancel(event: Event, chat: Chat = chat, phase: type[Event] = phase) -> None:
            if isinstance(event, phase):
                client.send(Cancel(id=client.next_id(), target=chat.id))

        done = client.request(chat, 60, cancel)
        assert isinstance(done, TurnDone)
        assert done.stop_reason in ("cancelled", "end")
    chat = Chat(id=client.next_id(), messages=(Message("user", "Hello"),), sampling=Sampling(max_tokens=4))
    assert isinstance(client.request(chat, 60), TurnDone)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("phase", [LoadProgress, PrefillProgress, TextPiece])
def test_killed_at(engine: Start, demo: str, tmp_path: Path, phase: type[Event]) -> None:
    model = str(make_model("llama", tmp_path, n_embd=512)) if phase is LoadProgress else demo
    client = engine()
    options = LoadOptions(ctx_size=8192, ubatch_size=32, threads=1, mmap=False)
    client.send(Load(id=client.next_id(), model=model, options=options))
    if phase is not LoadProgress:
        messages = (Message("user", "The code for the blue box is 48213. " * 100),)
        client.send(Chat(id=client.next_id(), messages=messages, sampling=LONG_ANSWER))
    client.wait_for(phase)
    os.kill(client.pid, signal.SIGKILL)
    end = client.wait_for(EngineExited)
    assert end.cause == "killed"
    assert client.events[-1] is end


def refusal(client: Any, model: str, options: LoadOptions) -> KvDeskError:
    """The error of a load, after which the engine must still be there."""
    with pytest.raises(KvDeskError) as caught:
        client.request(Load(id=client.next_id(), model=model, options=options), 60)
    assert client.is_running()
    assert isinstance(client.request(ListDevices(id=client.next_id()), 60), DevicesListed)
    return caught.value


def test_what_is_wrong_with_a_file_is_said(engine: Start, demo: str, tmp_path: Path) -> None:
    client = engine()
    truncated = tmp_path / "truncated.gguf"
    shutil.copy(demo, truncated)
    os.truncate(truncated, Path(demo).stat().st_size // 2)
    assert isinstance(error := refusal(client, str(truncated), SMALL), Truncated)
    assert "truncated.gguf" in error.message
    garbage = tmp_path / "garbage.gguf"
    garbage.write_bytes(b"GGUF" + b"\xff" * 100)
    assert isinstance(refusal(client, str(garbage), SMALL), GgufError)
    assert isinstance(error := refusal(client, str(tmp_path / "missing.gguf"), SMALL), GgufError)
    assert "No such file" in error.message
    headless = tmp_path / "headless.gguf"
    writer = GGUFWriter(headless, "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert "headless.gguf" in refusal(client, str(headless), SMALL).message


def test_an_architecture_that_is_not_known(engine: Start, tmp_path: Path) -> None:
    path = tmp_path / "strange.gguf"
    writer = GGUFWriter(path, "strange-one")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert "strange-one" in refusal(engine(), str(path), SMALL).message


def test_a_model_without_its_tensors(engine: Start, tmp_path: Path) -> None:
    path = make_model("llama", tmp_path)
    header = path.read_bytes().replace(b"blk.3.attn_q.weight", b"blk.3.attn_x.weight")
    path.write_bytes(header)
    assert isinstance(error := refusal(engine(), str(path), SMALL), Corrupt)
    assert "blk.3.attn_q" in error.message


def test_quantised_v_without_flash_attention(engine: Start, demo: str) -> None:
    options = LoadOptions(ctx_size=512, cache_type_v="q8_0", flash_attn="off")
    error = refusal(engine(), demo, options)
    assert isinstance(error, OptionError)
    assert "flash attention" in error.message


def test_options_that_name_what_is_not_there(engine: Start, demo: str) -> None:
    client = engine()
    assert "CUDA9" in refusal(client, demo, LoadOptions(device=("CUDA9",))).message
    assert "x=Nowhere" in refusal(client, demo, LoadOptions(override_tensor=("x=Nowhere",))).message
    assert "127.0.0.1:1" in refusal(client, demo, LoadOptions(rpc=("127.0.0.1:1",))).message


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS")
def test_out_of_memory_in_the_cache_names_it(engine: Start, demo: str) -> None:
    client = engine(limited(2 * 2**30))
    error = refusal(client, demo, LoadOptions(ctx_size=2_000_000, threads=1))
    assert isinstance(error, OutOfMemory)
    assert "K and V cache" in error.message
    assert "MiB" in error.message or "GiB" in error.message


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS")
def test_out_of_memory_in_the_weights_names_them(engine: Start, tmp_path: Path) -> None:
    model = make_model("llama", tmp_path, n_embd=2048, n_ff=8192, n_layer=8)
    client = engine(limited(1 * 2**30))
    error = refusal(client, str(model), LoadOptions(ctx_size=512, threads=1, mmap=False))
    assert isinstance(error, OutOfMemory)
    assert "weights" in error.message


def test_a_dry_run_keeps_the_model_open_and_follows_the_options(engine: Start, demo: str) -> None:
    client = engine()
    sizes = []
    for ctx_size in (1024, 2048, 4096):
        options = LoadOptions(ctx_size=ctx_size, threads=1)
        planned = client.request(DryRun(id=client.next_id(), model=demo, options=options), 60)
        assert isinstance(planned, Planned)
        assert planned.report.degree == "plan"
        sizes.append(planned.report.bytes_of(Kind.K))
    assert sizes[1:] == [2 * sizes[0], 4 * sizes[0]]
