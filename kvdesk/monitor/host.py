"""Reads the host's memory and the engine process, on every system that psutil knows."""

from collections.abc import Callable

import psutil

from kvdesk.monitor.sample import HostSample


class PsutilProbe:
    """The host and one watched process; a process that is gone or not ours to read gives None."""

    def __init__(self, shared_bytes: Callable[[int], int | None] = lambda _: None) -> None:
        """`shared_bytes` tells what a process's GPUs use of the host's memory, None where that is unknown."""
        self._shared_bytes = shared_bytes
        self._process: psutil.Process | None = None

    def read(self, pid: int | None) -> HostSample:
        """Read the host's memory and, if there is one, the process's."""
        memory = psutil.virtual_memory()
        try:
            process_bytes, private_bytes, cpu_percent = self._read_process(pid)
        except psutil.Error:
            self._process = None
            process_bytes = private_bytes = cpu_percent = None
        shared = self._shared_bytes(pid) if pid is not None else None
        return HostSample(memory.total, memory.available, process_bytes, private_bytes, cpu_percent, shared)

    def _read_process(self, pid: int | None) -> tuple[int | None, int | None, float | None]:
        if pid is None:
            self._process = None
            return None, None, None
        if self._process is None or self._process.pid != pid:
            self._process = psutil.Process(pid)
            self._process.cpu_percent()  # the first call only sets the starting point
        with self._process.oneshot():
            memory = self._process.memory_info()
            # Linux alone counts mapped files and shared memory apart, cheaply.
            private = memory.rss - memory.shared if hasattr(memory, "shared") else memory.rss
            return memory.rss, private, self._process.cpu_percent()
