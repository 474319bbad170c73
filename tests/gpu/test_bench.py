"""Steps become rows: on a GPU that is not there, on the real engine, and when the engine falls over."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kvdesk.errors import StartFailed
from kvdesk.memory.report import HOST, Device, Kind
from kvdesk.monitor.nvidia import NvidiaProbe
from kvdesk.plan.options import LoadOptions
from measuring.bench import Bench, LeftOut, Setting, require_device
from measuring.engine import Clock, OutOfTime
from measuring.instruments import Instruments
from measuring.judge import judge
from measuring.models import OpenedFile
from measuring.rows import DeviceContextRow, KernelsRow, MemoryRow, SpeedRow
from measuring.servers import RpcServers
from measuring.steps import DeviceContextStep, KernelsStep, MemoryStep, SpeedStep
from tests.gpu.fake_gpu_engine import WORKSPACE_BYTES
from tests.monitor.fake_nvml import FakeNvml

MIB = 2**20
WAIT_S = 60.0  # longer than anything takes; nothing waits for it when all is well
Make = Callable[..., Bench]


def _memory(bench: Bench, model: OpenedFile, **options: object) -> MemoryRow:
    row = bench.measure(MemoryStep(model, LoadOptions(ctx_size=4096, **options)))
    assert isinstance(row, MemoryRow)
    return row


def test_the_driver_s_context_is_what_initialising_the_device_takes(gpu_bench: Make) -> None:
    row = gpu_bench(context_bytes=417 * MIB).measure(DeviceContextStep())
    assert isinstance(row, DeviceContextRow)
    nothing, greeted, listed = (reading.of("CUDA0") for reading in row.readings)
    assert nothing.used_bytes is not None
    assert listed.used_bytes is not None
    assert listed.used_bytes - nothing.used_bytes == 417 * MIB
    assert greeted.used_bytes == nothing.used_bytes
    assert listed.process_bytes == 417 * MIB
    assert nothing.process_bytes is None


def test_a_load_is_read_before_during_and_after(gpu_bench: Make, demo: OpenedFile) -> None:
    row = _memory(gpu_bench(), demo)
    buffers = sum(b.measured_bytes or 0 for b in row.buffers if b.device == "CUDA0")
    assert [reading.stage for reading in row.readings] == ["nothing", "listed", "loaded", "used"]
    assert row.taken_bytes("CUDA0", "listed") == 300 * MIB
    assert row.taken_bytes("CUDA0", "loaded") == 300 * MIB + buffers
    assert row.taken_bytes("CUDA0", "used") == 300 * MIB + buffers + WORKSPACE_BYTES
    loaded = row.reading("loaded")
    assert loaded is not None
    assert loaded.of("CUDA0").process_bytes == 300 * MIB + buffers
    assert row.failure is None
    assert row.turn_failure is None
    assert judge(row, demo.shape).faults() == []


def test_where_processes_are_hidden_the_whole_device_still_tells(gpu_bench: Make, demo: OpenedFile) -> None:
    row = _memory(gpu_bench(hides_processes=True), demo)
    loaded = row.reading("loaded")
    assert loaded is not None
    assert loaded.of("CUDA0").process_bytes is None
    assert row.taken_bytes("CUDA0") is not None


def test_a_driver_that_takes_far_more_than_said_is_a_fault(gpu_bench: Make, demo: OpenedFile) -> None:
    faults = judge(_memory(gpu_bench(context_bytes=900 * MIB), demo), demo.shape).faults()
    assert len(faults) == 1
    assert faults[0].startswith("all of CUDA0")


def test_a_crash_during_the_load_is_a_row_and_the_next_step_goes_on(
    gpu_bench: Make, demo: OpenedFile
) -> None:
    bench = gpu_bench(behaviour="aborts")
    row = _memory(bench, demo)
    assert row.failure is not None
    assert [reading.stage for reading in row.readings] == ["nothing", "listed"]
    assert all(account.measured_bytes is None for account in row.buffers)
    assert list(judge(row, demo.shape).comparisons()) == []
    assert bench.measure(KernelsStep(demo)).failure is None


def test_kernels_are_listed_by_device(gpu_bench: Make, demo: OpenedFile) -> None:
    row = gpu_bench().measure(KernelsStep(demo))
    assert isinstance(row, KernelsRow)
    assert set(row.supported) == {"CUDA0"}
    assert "q8_0/q8_0" in row.supported["CUDA0"]
    assert "iq4_nl/iq4_nl" not in row.supported["CUDA0"]
    assert row.head_dims == demo.shape.head_dims


def test_speed_counts_what_was_evaluated_and_written(gpu_bench: Make, demo: OpenedFile) -> None:
    row = gpu_bench().measure(SpeedStep(demo, LoadOptions(ctx_size=4096), (512, 2048)))
    assert isinstance(row, SpeedRow)
    assert [point.depth_tokens for point in row.points] == pytest.approx([512, 2048], abs=2)
    first = row.points[0]
    assert first.read_tokens == first.depth_tokens - 10
    assert first.prefill_tokens_per_s == first.read_tokens / 0.5
    assert first.decode_tokens_per_s == (first.written_tokens - 1) / 0.25


def test_what_does_not_fit_is_left_out_and_no_row(gpu_bench: Make, demo: OpenedFile) -> None:
    with pytest.raises(LeftOut, match="CUDA0"):
        gpu_bench().measure(MemoryStep(demo, LoadOptions(ctx_size=64 * 2**20)))


def test_a_step_begun_too_late_is_no_row(gpu_bench: Make, demo: OpenedFile) -> None:
    bench = gpu_bench()
    bench._clock = Clock(0.0, 60.0)
    with pytest.raises(OutOfTime):
        bench.measure(KernelsStep(demo))


def test_a_gpu_must_be_there_to_be_measured() -> None:
    with pytest.raises(StartFailed, match="no GPU"):
        require_device("cuda", (HOST,))
    require_device("cuda", (Device("CUDA0", "gpu", "cuda"), HOST))
    require_device("cpu", (HOST,))


@pytest.mark.llama
def test_the_real_engine_holds_what_is_estimated(cpu_bench: Bench, demo: OpenedFile) -> None:
    row = _memory(cpu_bench, demo, cache_type_k="q8_0", cache_type_v="q4_0")
    assert row.turn_failure is None
    judged = judge(row, demo.shape)
    assert {Kind.WEIGHTS, Kind.K, Kind.V, Kind.COMPUTE} <= {each.kind for each in judged.comparisons()}
    assert judged.faults() == []


@pytest.mark.llama
def test_two_rpc_servers_are_two_devices(demo: OpenedFile) -> None:
    with RpcServers(2) as servers:
        instruments = Instruments(NvidiaProbe(FakeNvml()), servers.pids)
        setting = Setting(1, servers.endpoints, turn_tokens=32)
        bench = Bench(Clock(WAIT_S, WAIT_S), instruments, setting)
        try:
            row = _memory(bench, demo, rpc=servers.endpoints, n_gpu_layers=3)
        finally:
            bench.close()
    assert [device.name for device in row.devices] == ["RPC0", "RPC1", "CPU"]
    assert row.turn_failure is None
    judged = judge(row, demo.shape)
    assert {each.device for each in judged.comparisons()} == {"RPC0", "RPC1", "CPU"}
    assert judged.faults() == []
    weights = sum(b.measured_bytes or 0 for b in row.buffers if (b.kind, b.device) == (Kind.WEIGHTS, "RPC0"))
    assert weights > 0
    assert (row.taken_bytes("RPC0") or 0) >= weights  # its server has written them


@pytest.mark.llama
def test_a_combination_that_llama_cpp_refuses_is_a_row(cpu_bench: Bench, demo: OpenedFile) -> None:
    row = _memory(cpu_bench, demo, cache_type_v="q8_0", flash_attn="off")
    assert row.refusal is not None
    assert "flash_attn" in row.refused
    assert row.readings == ()
    assert judge(row, demo.shape).faults() == []


@pytest.mark.llama
def test_a_file_that_is_broken_is_a_row(cpu_bench: Bench, demo: OpenedFile, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(Path(demo.path).read_bytes()[:5000])
    row = _memory(cpu_bench, replace(demo, path=str(broken)))
    assert row.refusal is not None
    assert judge(row, demo.shape).faults() != []
