"""A GPU that is not there: an engine that speaks of it, and an NVML that reads what that engine holds."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kvdesk.monitor.nvidia import NvidiaProbe
from measuring.bench import Bench, Setting
from measuring.engine import Clock, Engine
from measuring.instruments import Instruments
from measuring.models import OpenedFile, chosen_models, open_models
from tests.gpu.fake_gpu_engine import GPU, TOTAL_BYTES
from tests.monitor.fake_nvml import FakeNvml

WAIT_S = 60.0  # longer than anything takes on a busy machine; nothing waits for it when all is well
OTHERS_BYTES = 700 * 2**20  # what other programs hold on the GPU


class FakeGpu(dict[str, Any]):
    """A table of readings whose memory is what the fake engines have written down."""

    def __init__(self, folder: Path, *, hides_processes: bool = False) -> None:
        super().__init__(Name=GPU, ComputeRunningProcesses=[], MemoryInfo=None)
        self._folder = folder
        self._hides_processes = hides_processes

    def __getitem__(self, key: str) -> Any:
        held = {int(path.name): int(path.read_text("utf-8")) for path in self._folder.glob("*[0-9]")}
        if key == "ComputeRunningProcesses":
            seen = {} if self._hides_processes else held
            return [SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in seen.items()]
        if key == "MemoryInfo":
            used = OTHERS_BYTES + sum(held.values())
            return SimpleNamespace(total=TOTAL_BYTES, used=used, free=TOTAL_BYTES - used)
        return super().__getitem__(key)


@pytest.fixture
def demo() -> OpenedFile:
    """The built-in model."""
    (model,) = open_models(chosen_models(["demo"]), Path(), None)
    return model


@pytest.fixture
def gpu_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Make benches on the GPU that is not there."""
    benches: list[Bench] = []

    def make(
        context_bytes: int = 300 * 2**20, behaviour: str = "", *, hides_processes: bool = False
    ) -> Bench:
        command = [
            sys.executable,
            "-m",
            "tests.gpu.fake_gpu_engine",
            str(tmp_path),
            str(context_bytes),
            behaviour,
        ]
        probe = NvidiaProbe(FakeNvml(FakeGpu(tmp_path, hides_processes=hides_processes)))
        clock = Clock(WAIT_S, WAIT_S)
        bench = Bench(
            clock, Instruments(probe), Setting(run=1), lambda clock, name: Engine(clock, name, command)
        )
        benches.append(bench)
        return bench

    yield make
    for bench in benches:
        bench.close()


@pytest.fixture
def cpu_bench() -> Iterator[Bench]:
    """A bench with the real engine, on the CPU."""
    bench = Bench(Clock(WAIT_S, WAIT_S), Instruments(NvidiaProbe(FakeNvml())), Setting(1, turn_tokens=32))
    yield bench
    bench.close()
