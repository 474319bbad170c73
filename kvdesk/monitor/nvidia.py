"""Reads NVIDIA GPUs through NVML; without a driver there simply are none."""

from collections.abc import Callable
from typing import Any

from kvdesk.errors import ProbeUnavailable
from kvdesk.monitor.sample import DeviceSample, ProcessUse, Throttle

# nvmlClocksEventReasons in nvml.h: why the clocks are lower than they could be. Idle and application clocks
# are no reasons to worry and are left out.
_THROTTLE_REASONS: tuple[tuple[int, Throttle], ...] = (
    (0x0000000000000004, Throttle.POWER),  # SwPowerCap
    (0x0000000000000008, Throttle.HARDWARE),  # HwSlowdown
    (0x0000000000000020, Throttle.HEAT),  # SwThermalSlowdown
    (0x0000000000000040, Throttle.HEAT),  # HwThermalSlowdown
    (0x0000000000000080, Throttle.POWER),  # HwPowerBrakeSlowdown
)
_MOST_NEIGHBOURS = 5


def process_name(pid: int) -> str:
    """A process's name, or its number where it is gone or hidden."""
    import psutil  # as pynvml: not before the first picture

    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return str(pid)


class NvidiaProbe:
    """All NVIDIA GPUs, in PCI order. A counter that a GPU does not support is None, the others still read."""

    def __init__(self, nvml: Any = None, name_of: Callable[[int], str] = process_name) -> None:
        if nvml is None:  # imported here, on the sampler's thread: the window's first picture needs it not
            import pynvml

            nvml = pynvml
        self._nvml, self._name_of = nvml, name_of
        self._handles: list[Any] = []
        self._is_up = False
        self._driver = ""
        try:
            nvml.nvmlInit()
            self._is_up = True
            self._handles = [
                nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())
            ]
            self._driver = _text(self._ask(nvml.nvmlSystemGetDriverVersion))
        except nvml.NVMLError:
            pass  # no driver, no library or no permission: no devices

    def read(self, pid: int | None) -> tuple[DeviceSample, ...]:
        """Read every GPU; `pid` is the process whose memory on it is wanted.

        Raises ProbeUnavailable when the driver went away.
        """
        return tuple(self._read(index, handle, pid) for index, handle in enumerate(self._handles))

    def close(self) -> None:
        """Let go of NVML."""
        if self._is_up:
            self._is_up = False
            self._ask(self._nvml.nvmlShutdown)

    def _read(self, index: int, handle: Any, pid: int | None) -> DeviceSample:
        nvml, ask = self._nvml, self._ask
        memory = ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        pci = ask(nvml.nvmlDeviceGetPciInfo, handle)
        milliwatts = ask(nvml.nvmlDeviceGetPowerUsage, handle)
        rates = ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        reasons = ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
        holders = self._holders(handle)
        return DeviceSample(
            vendor="nvidia",
            index=index,
            name=_text(ask(nvml.nvmlDeviceGetName, handle)) or "NVIDIA GPU",
            pci_bus_id=_text(pci.busId) if pci else "",
            total_bytes=memory.total if memory else None,
            free_bytes=memory.free if memory else None,
            used_bytes=memory.used if memory else None,
            process_bytes=holders.get(pid) if pid is not None else None,
            power_w=milliwatts / 1000 if milliwatts is not None else None,
            temperature_c=ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            gpu_clock_mhz=ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_GRAPHICS),
            memory_clock_mhz=ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_MEM),
            utilisation_percent=rates.gpu if rates else None,
            throttle=None if reasons is None else _throttle(reasons),
            neighbours=self._neighbours(holders, pid),
            driver=self._driver,
        )

    def _holders(self, handle: Any) -> dict[int, int]:
        """Who holds memory, and how much: a process that draws and computes is listed twice.

        A process that is not listed may hold nothing, or stand there under another number, as inside a
        container; usedGpuMemory is None under Windows' WDDM. Neither is 0 for certain.
        """
        nvml = self._nvml
        asked = (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses)
        lists = (self._ask(question, handle) or () for question in asked)
        return {
            process.pid: process.usedGpuMemory
            for listed in lists
            for process in listed
            if process.usedGpuMemory is not None
        }

    def _neighbours(self, holders: dict[int, int], pid: int | None) -> tuple[ProcessUse, ...]:
        others = sorted(((size, other) for other, size in holders.items() if other != pid), reverse=True)
        return tuple(ProcessUse(self._name_of(other), size) for size, other in others[:_MOST_NEIGHBOURS])

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """Return NVML's answer, None where this GPU or driver has none."""
        try:
            return question(*arguments)
        except self._nvml.NVMLError as error:
            if error.value in (self._nvml.NVML_ERROR_UNINITIALIZED, self._nvml.NVML_ERROR_GPU_IS_LOST):
                raise ProbeUnavailable("The NVIDIA driver no longer answers.", "Restart KV Desk.") from error
            return None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _throttle(reasons: int) -> Throttle:
    return Throttle(sum({reason for bit, reason in _THROTTLE_REASONS if reasons & bit}))
