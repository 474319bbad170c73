"""Reads NVIDIA GPUs through NVML; without a driver there simply are none."""

from collections.abc import Callable
from typing import Any

from kvdesk.errors import ProbeUnavailable
from kvdesk.monitor.sample import DeviceSample

# nvmlClocksEventReasons in nvml.h: why the clocks are lower than they could be. Idle and application clocks
# are no reasons to worry and are left out.
_THROTTLE_REASONS: tuple[tuple[int, str], ...] = (
    (0x0000000000000004, "power limit"),
    (0x0000000000000008, "hardware slowdown"),
    (0x0000000000000020, "too hot"),
    (0x0000000000000040, "too hot (hardware)"),
    (0x0000000000000080, "power brake"),
)


class NvidiaProbe:
    """All NVIDIA GPUs, in PCI order. A counter that a GPU does not support is None, the others still read."""

    def __init__(self, nvml: Any = None) -> None:
        if nvml is None:  # imported here, on the sampler's thread: the window's first picture needs it not
            import pynvml

            nvml = pynvml
        self._nvml = nvml
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
        return DeviceSample(
            vendor="nvidia",
            index=index,
            name=_text(ask(nvml.nvmlDeviceGetName, handle)) or "NVIDIA GPU",
            pci_bus_id=_text(pci.busId) if pci else "",
            total_bytes=memory.total if memory else None,
            free_bytes=memory.free if memory else None,
            used_bytes=memory.used if memory else None,
            process_bytes=self._process_bytes(handle, pid),
            power_w=milliwatts / 1000 if milliwatts is not None else None,
            temperature_c=ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            gpu_clock_mhz=ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_GRAPHICS),
            memory_clock_mhz=ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_MEM),
            utilisation_percent=rates.gpu if rates else None,
            throttle_reasons=None if reasons is None else _named(reasons),
            driver=self._driver,
        )

    def _process_bytes(self, handle: Any, pid: int | None) -> int | None:
        if pid is None:
            return None
        processes = self._ask(self._nvml.nvmlDeviceGetComputeRunningProcesses, handle)
        if processes is None:
            return None
        # A process that is not listed may hold nothing, or stand there under another number, as inside a
        # container; usedGpuMemory is None under Windows' WDDM. Neither is 0 for certain.
        return next((process.usedGpuMemory for process in processes if process.pid == pid), None)

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


def _named(reasons: int) -> tuple[str, ...]:
    return tuple(name for bit, name in _THROTTLE_REASONS if reasons & bit)
