"""Reads Windows' own count of the host's memory that a process's GPUs use, by PDH.

Windows moves what does not fit into a GPU's memory to the host's without an error, and no vendor's library
tells it. These are the counters behind the Task Manager's “shared GPU memory”, for GPUs of every vendor.
"""

import ctypes
import os
from collections.abc import Callable, Mapping
from ctypes import byref, c_int64, c_uint32, c_void_p, c_wchar_p
from typing import Any

SHARED_USAGE = r"\GPU Process Memory(*)\Shared Usage"
_PDH_FMT_LARGE = 0x400
_PDH_MORE_DATA = 0x800007D2
_VALID = (0, 1)  # PDH_CSTATUS_VALID_DATA, PDH_CSTATUS_NEW_DATA

Readings = Mapping[str, int]


class CounterValue(ctypes.Structure):
    """PDH_FMT_COUNTERVALUE, whose union is read as a whole number."""

    _fields_ = (("status", c_uint32), ("value", c_int64))


class CounterItem(ctypes.Structure):
    """PDH_FMT_COUNTERVALUE_ITEM_W"""

    _fields_ = (("name", c_wchar_p), ("counter", CounterValue))


class PdhCounter:
    """All instances of one counter, by its English name, which every Windows understands.

    Raises OSError where Windows has no such counter: before Windows 10 1709, and without a WDDM 2 driver.
    """

    def __init__(self, path: str, pdh: Any = None) -> None:
        self._pdh = pdh if pdh is not None else ctypes.WinDLL("pdh")  # type: ignore[attr-defined,unused-ignore]  # on Windows alone
        self._query, self._counter = c_void_p(), c_void_p()
        self._call("PdhOpenQueryW", None, c_void_p(), byref(self._query))
        try:
            self._call("PdhAddEnglishCounterW", self._query, path, c_void_p(), byref(self._counter))
        except OSError:
            self.close()
            raise

    def read(self) -> dict[str, int]:
        """What each instance counts now; instances come and go with their processes."""
        self._call("PdhCollectQueryData", self._query)
        size, count = c_uint32(), c_uint32()
        ask = (
            "PdhGetFormattedCounterArrayW",
            self._counter,
            c_uint32(_PDH_FMT_LARGE),
            byref(size),
            byref(count),
        )
        if self._call(*ask, None, expected=_PDH_MORE_DATA) != _PDH_MORE_DATA:
            return {}
        buffer = ctypes.create_string_buffer(size.value)  # the items, and behind them their names
        self._call(*ask, buffer)
        items = ctypes.cast(buffer, ctypes.POINTER(CounterItem))[: count.value]
        return {item.name: item.counter.value for item in items if item.counter.status in _VALID}

    def close(self) -> None:
        """Let go of the query."""
        self._pdh.PdhCloseQuery(self._query)

    def _call(self, name: str, *arguments: Any, expected: int = 0) -> int:
        status: int = getattr(self._pdh, name)(*arguments) & 0xFFFF_FFFF
        if status not in (0, expected):
            raise OSError(f"{name}: 0x{status:08X}")
        return status


class SharedMemory:
    """What one process's GPUs use of the host's memory, from the readings of all processes."""

    def __init__(self, read: Callable[[], Readings]) -> None:
        self._read = read

    def __call__(self, pid: int) -> int | None:
        """The sum over its GPUs; None where Windows lists the process for none, or does not answer.

        An instance is "pid_4242_luid_0x00000000_0x0000C8F2_phys_0": a process on one physical adapter.
        """
        try:
            readings = self._read()
        except OSError:
            return None
        own = [size for name, size in readings.items() if name.startswith(f"pid_{pid}_")]
        return sum(own) if own else None


def shared_memory() -> Callable[[int], int | None]:
    """The counter of this system: on others than Windows there is none."""
    if os.name != "nt":
        return lambda _: None
    try:
        return SharedMemory(PdhCounter(SHARED_USAGE).read)
    except OSError:
        return lambda _: None
