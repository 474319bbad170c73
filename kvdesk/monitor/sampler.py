"""Reads all probes twice a second on a thread of its own and hands out what they say."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from kvdesk.monitor.sample import DeviceSample, HostSample, Sample

INTERVAL_S = 0.5


class DeviceProbe(Protocol):
    """One vendor's devices."""

    def read(self, pid: int | None) -> tuple[DeviceSample, ...]:
        """Read all devices; `pid` is the process whose share is wanted. Raises ProbeUnavailable."""

    def close(self) -> None:
        """Let go of the vendor's library."""


class HostProbe(Protocol):
    """The host and the watched process."""

    def read(self, pid: int | None) -> HostSample:
        """Read them; what cannot be read is None."""


class Sampler:
    """A thread that reads; `emit` is called on it. One bad probe never stops the others."""

    def __init__(
        self,
        emit: Callable[[Sample], None],
        make_host: Callable[[], HostProbe],
        make_probes: Sequence[Callable[[], DeviceProbe]],
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._emit = emit
        self._make_host = make_host
        self._make_probes = make_probes
        self._interval_s = interval_s
        self._pid: int | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kvdesk-sampler", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def watch(self, pid: int | None) -> None:
        """From now on read this process's share."""
        self._pid = pid

    def close(self, timeout_s: float) -> bool:
        """End the thread; False when a probe holds it longer than `timeout_s`."""
        self._stop.set()
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        # Made here because a vendor's library may take a while to start.
        host = self._make_host()
        probes: list[DeviceProbe] = []
        for make in self._make_probes:
            with suppress(Exception):  # whatever goes wrong inside a vendor's library is that vendor's
                probes.append(make())
        while not self._stop.is_set():
            begun = time.monotonic()
            self._emit(self._read(begun, host, probes))
            self._stop.wait(max(0.0, self._interval_s - (time.monotonic() - begun)))
        for probe in probes:
            with suppress(Exception):
                probe.close()

    def _read(self, time_s: float, host: HostProbe, probes: Sequence[DeviceProbe]) -> Sample:
        devices: list[DeviceSample] = []
        for probe in probes:
            with suppress(Exception):
                devices += probe.read(self._pid)
        return Sample(time_s, host.read(self._pid), tuple(devices))
