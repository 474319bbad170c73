"""Stands in for pynvml: GPUs given as tables of readings, every counter that is missing unsupported."""

from types import SimpleNamespace
from typing import Any

import pynvml

Readings = dict[str, Any]

# As NVML gives them for a laptop's GPU under load, and for a data-centre GPU inside a container, where the
# process's number is another one.
LAPTOP: Readings = {
    "Name": "NVIDIA GeForce RTX 4060 Laptop GPU",
    "PciInfo": SimpleNamespace(busId="00000000:01:00.0"),
    "MemoryInfo": SimpleNamespace(total=8585740288, free=2361393152, used=6224347136),
    "PowerUsage": 67342,
    "UtilizationRates": SimpleNamespace(gpu=96, memory=71),
    "CurrentClocksThrottleReasons": 0x24,
    "Temperature": 78,
    "ClockInfo": {pynvml.NVML_CLOCK_GRAPHICS: 2250, pynvml.NVML_CLOCK_MEM: 8000},
    "ComputeRunningProcesses": [
        SimpleNamespace(pid=900, usedGpuMemory=104857600),
        SimpleNamespace(pid=4242, usedGpuMemory=5905580032),
    ],
}
CONTAINED: Readings = {
    "Name": b"NVIDIA H200",
    "PciInfo": SimpleNamespace(busId=b"00000000:9D:00.0"),
    "MemoryInfo": SimpleNamespace(total=150754820096, free=150203727872, used=551092224),
    "PowerUsage": 77012,
    "CurrentClocksThrottleReasons": 0x1,
    "Temperature": 29,
    "ComputeRunningProcesses": [],
}
SILENT: Readings = {"Name": "NVIDIA GeForce GT 710"}


class FakeNvml:
    """The part of pynvml that the probe uses."""

    NVMLError = pynvml.NVMLError
    NVML_ERROR_UNINITIALIZED = pynvml.NVML_ERROR_UNINITIALIZED
    NVML_ERROR_GPU_IS_LOST = pynvml.NVML_ERROR_GPU_IS_LOST
    NVML_TEMPERATURE_GPU = pynvml.NVML_TEMPERATURE_GPU
    NVML_CLOCK_GRAPHICS = pynvml.NVML_CLOCK_GRAPHICS
    NVML_CLOCK_MEM = pynvml.NVML_CLOCK_MEM

    def __init__(self, *gpus: Readings, has_driver: bool = True) -> None:
        self.gpus = gpus
        self.has_driver = has_driver
        self.is_up = False
        self.lost = False

    def nvmlInit(self) -> None:
        if not self.has_driver:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
        self.is_up = True

    def nvmlShutdown(self) -> None:
        assert self.is_up
        self.is_up = False

    def nvmlSystemGetDriverVersion(self) -> str:
        return "580.95.05"

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Readings:
        return self.gpus[index]

    def __getattr__(self, name: str) -> Any:
        """Any other nvmlDeviceGetX reads X of the table."""

        def read(handle: Readings, which: int | None = None) -> Any:
            if self.lost:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
            key = name.removeprefix("nvmlDeviceGet")
            if key not in handle:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
            return handle[key][which] if key == "ClockInfo" else handle[key]

        assert hasattr(pynvml, name), f"pynvml has no {name}"
        return read
