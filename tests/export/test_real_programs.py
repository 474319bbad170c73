"""llama.cpp's own programs accept the exported commands, and report the memory that was planned."""

import socket
from pathlib import Path

import pytest

from kvdesk.export import target
from kvdesk.export.exporter import Launch
from kvdesk.export.shells import BY_NAME
from kvdesk.gguf.open import open_model
from kvdesk.memory.estimate import estimate
from kvdesk.memory.families import shape_of
from kvdesk.memory.report import HOST, Kind
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions
from kvdesk.resources import resolve_model
from kvdesk.units import MIB
from tests.export import real_programs
from tests.ggufs import make_model

PRINTED_MIB = 0.0051  # half of the last printed digit
KINDS = (Kind.WEIGHTS, Kind.K, Kind.V, Kind.RECURRENT, Kind.COMPUTE, Kind.OUTPUT)
BASH = BY_NAME["bash"]

OPTIONS = [
    LoadOptions(),
    LoadOptions(ctx_size=4096, cache_type_k="q8_0", cache_type_v="q4_0", flash_attn="on"),
    LoadOptions(ctx_size=1000, flash_attn="off"),
    LoadOptions(ctx_size=2048, cache_type_k="q5_1", flash_attn="off"),
    LoadOptions(ctx_size=2048, cache_type_k="bf16", cache_type_v="bf16", ubatch_size=128),
    LoadOptions(ctx_size=2048, cache_type_k="f32", cache_type_v="f32", batch_size=256, ubatch_size=256),
    LoadOptions(ctx_size=2048, cache_type_k="iq4_nl", cache_type_v="iq4_nl", threads=1, threads_batch=2),
    LoadOptions(ctx_size=2048, cache_type_k="q4_1", cache_type_v="q5_0", n_gpu_layers=0),
    LoadOptions(ctx_size=4096, parallel=4),
    LoadOptions(ctx_size=4096, parallel=4, kv_unified=True),
    LoadOptions(ctx_size=4096, parallel=3, swa_full=True, cache_type_k="q8_0", cache_type_v="q8_0"),
    LoadOptions(ctx_size=1024, kv_offload=False, op_offload=False, repack=False, n_gpu_layers=3),
    LoadOptions(ctx_size=1024, mmap=False),
    LoadOptions(ctx_size=1024, split_mode="none", main_gpu=0, tensor_split=(1.0, 3.0)),
    LoadOptions(ctx_size=1024, device=("none",)),
    LoadOptions(ctx_size=1024, override_tensor=(r"blk\.(0|1)\.ffn_.*=CPU", "output=CPU")),
    LoadOptions(ctx_size=1024, cpu_moe=True),
    LoadOptions(ctx_size=1024, n_cpu_moe=2),
    LoadOptions(ctx_size=8192, rope_scaling="yarn", rope_scale=2.0, yarn_orig_ctx=4096),
    LoadOptions(ctx_size=8192, rope_scaling="linear", rope_freq_base=10000.0, rope_freq_scale=0.5),
    LoadOptions(ctx_size=1024, yarn_ext_factor=0.5, yarn_attn_factor=1.0, yarn_beta_slow=1.0),
]
FAMILIES = ("gemma3", "qwen3next", "deepseek2")


@pytest.fixture
def program(request) -> str:
    """The path of a program, without which the test is skipped."""
    path = real_programs.find(request.param)
    if path is None:
        pytest.skip(
            f"no {request.param} on this machine: see packaging/llama_programs.py and KVDESK_LLAMA_BIN"
        )
    return path


def _command(name: str, program: str, launch: Launch) -> list[str]:
    """The words that a shell would pass on, the program found and its log as full as is needed."""
    words = BASH.split(
        "\n".join(line for line in target(name).render(launch, BASH).splitlines() if not line.startswith("#"))
    )
    return [program, *words[1:]]


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _check(said: real_programs.Said, launch: Launch, options: LoadOptions | None = None) -> None:
    assert said.has_context, said.text[-2000:]
    assert launch.shape is not None
    planned = estimate(launch.shape, configure(options or launch.options, launch.shape, (HOST,)))
    for kind in KINDS:
        assert said.mib(kind) == pytest.approx(planned.bytes_of(kind) / MIB, abs=PRINTED_MIB * 2), kind


def _launch(options: LoadOptions, path: str) -> Launch:
    return Launch(path, options, shape_of(open_model(path)))


def _server(program: str, launch: Launch, folder: Path) -> real_programs.Said:
    extra = ["--host", "127.0.0.1", "--port", _free_port(), "--verbosity", "4", "--no-warmup"]
    return real_programs.serve([*_command("llama-server", program, launch), *extra], folder)


def _cli(program: str, launch: Launch, folder: Path) -> real_programs.Said:
    extra = ["--single-turn", "--prompt", "hi", "--n-predict", "1", "--verbosity", "4", "--no-warmup"]
    return real_programs.run([*_command("llama-cli", program, launch), *extra], folder)


@pytest.mark.parametrize("program", ["llama-server"], indirect=True)
@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_the_server_takes_the_memory_that_was_planned(program, options, tmp_path):
    launch = _launch(options, resolve_model("demo"))
    _check(_server(program, launch, tmp_path), launch)


@pytest.mark.parametrize("program", ["llama-cli"], indirect=True)
@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_the_chat_program_takes_the_memory_that_was_planned(program, options, tmp_path):
    launch = _launch(options, resolve_model("demo"))
    if options.kv_unified:
        assert any(warning.option == "kv_unified" for warning in target("llama-cli").warnings(launch))
        return
    _check(_cli(program, launch, tmp_path), launch)


@pytest.mark.parametrize("program", ["llama-server"], indirect=True)
@pytest.mark.parametrize("family", FAMILIES)
def test_windows_recurrent_state_and_latent_caches_are_as_planned(program, family, tmp_path):
    path = str(make_model(family, tmp_path))
    launch = _launch(LoadOptions(ctx_size=4096, parallel=2), path)
    _check(_server(program, launch, tmp_path), launch)


@pytest.mark.parametrize("program", ["llama-perplexity"], indirect=True)
@pytest.mark.parametrize(
    "options",
    [
        LoadOptions(ctx_size=2048, n_outputs_max=0),
        LoadOptions(ctx_size=512, batch_size=512, cache_type_k="q8_0", cache_type_v="q8_0", n_outputs_max=0),
    ],
    ids=range(2),
)
def test_perplexity_takes_the_memory_that_was_planned(program, options, tmp_path):
    (tmp_path / "text-to-measure.txt").write_text("one two three four " * 2000)
    launch = _launch(options, resolve_model("demo"))
    said = real_programs.run(
        [*_command("llama-perplexity", program, launch), "--verbosity", "4", "--chunks", "1"], tmp_path
    )
    assert target("llama-perplexity").warnings(launch) == ()
    _check(said, launch)


@pytest.mark.parametrize("program", ["llama-bench"], indirect=True)
@pytest.mark.parametrize(
    "options",
    [
        LoadOptions(ctx_size=512, n_outputs_max=0),
        LoadOptions(ctx_size=640, cache_type_k="q8_0", cache_type_v="q4_0", flash_attn="on", ubatch_size=64),
        LoadOptions(ctx_size=512, kv_offload=False, op_offload=False, repack=False, mmap=False),
        LoadOptions(ctx_size=512, n_cpu_moe=1, threads=1, tensor_split=(1.0, 2.0), device=("none",)),
        LoadOptions(ctx_size=512, override_tensor=(r"blk\.0\..*=CPU", "output=CPU"), split_mode="none"),
    ],
    ids=range(5),
)
def test_the_benchmark_accepts_its_flags_and_has_the_planned_cache(program, options, tmp_path):
    launch = _launch(options, resolve_model("demo"))
    said = real_programs.run(
        [*_command("llama-bench", program, launch), "--repetitions", "1", "--verbose", "--no-warmup"],
        tmp_path,
    )
    assert f"pp{512}" in said.text, said.text[-2000:]
    planned = estimate(launch.shape, configure(options, launch.shape, (HOST,)))
    # The tests fill the cache to different depths; the first one fills the whole context.
    assert said.largest_mib(Kind.K) == pytest.approx(planned.bytes_of(Kind.K) / MIB, abs=PRINTED_MIB)


@pytest.mark.parametrize("program", ["llama-server"], indirect=True)
@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_the_server_reads_the_preset_file(program, options, tmp_path):
    exporter = target("llama-server-preset")
    launch = _launch(options, resolve_model("demo"))
    (tmp_path / "models.ini").write_text(exporter.render(launch, BASH), encoding="utf-8")
    said = real_programs.serve(
        [program, "--models-preset", "models.ini", "--host", "127.0.0.1", "--port", _free_port()], tmp_path
    )
    assert "Available models (1)" in said.text, said.text[-2000:]


@pytest.mark.parametrize("program", ["llama-server"], indirect=True)
def test_a_flag_that_is_not_there_is_refused(program, tmp_path):
    """What the other tests rest on: a command with a wrong flag makes no context."""
    launch = _launch(LoadOptions(), resolve_model("demo"))
    said = real_programs.run([*_command("llama-server", program, launch), "--no-such-flag"], tmp_path)
    assert "invalid argument" in said.text
    assert not said.has_context
