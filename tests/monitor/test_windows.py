"""Windows' count of what GPUs use of the host's memory: read as PDH gives it, on every system."""

import ctypes
import os
from typing import Any

import pytest

from kvdesk.monitor.host import PsutilProbe
from kvdesk.monitor.windows import SHARED_USAGE, CounterItem, PdhCounter, SharedMemory, shared_memory

# "GPU Process Memory" on a laptop with a GPU of NVIDIA's (0xC8F2) and the processor's own (0xD4A1), while a
# model of 9 GiB is loaded into 8 GiB. The names are as Windows writes them. The bytes of 36924 are those of a
# real process on a TITAN V and an HD Graphics 630 (recorded/README.md).
READINGS = {
    "pid_4_luid_0x00000000_0x0000C8F2_phys_0": 0,
    "pid_1712_luid_0x00000000_0x0000D4A1_phys_0": 88_199_168,
    "pid_4242_luid_0x00000000_0x0000C8F2_phys_0": 1_610_571_776,
    "pid_4242_luid_0x00000000_0x0000D4A1_phys_0": 4_096,
    "pid_36924_luid_0x00000000_0x0000C8F2_phys_0": 146_309_120,
    "pid_36924_luid_0x00000000_0x0000D4A1_phys_0": 80_207_872,
    "pid_42421_luid_0x00000000_0x0000C8F2_phys_0": 7,
}
MORE_DATA, NO_OBJECT, NO_DATA = 0x800007D2, 0xC0000BB8, 0x800007D5


def signed(status: int) -> int:
    """As ctypes returns an unsigned status."""
    return ctypes.c_int32(status).value


class FakePdh:
    """pdh.dll, with one counter's instances; it writes into the caller's memory as the real one does."""

    def __init__(self, instances: dict[str, tuple[int, int]], add_status: int = 0) -> None:
        self.instances, self.add_status = instances, add_status
        self.open_queries = 0
        self.collected = False
        self.path = ""
        self._kept: Any = None

    def PdhOpenQueryW(self, _source: None, _data: object, query: Any) -> int:
        query._obj.value = 0x7FF0_1234_5678
        self.open_queries += 1
        return 0

    def PdhAddEnglishCounterW(self, query: Any, path: str, _data: object, counter: Any) -> int:
        assert query.value == 0x7FF0_1234_5678
        self.path = path
        counter._obj.value = 0x7FF0_8765_4321
        return signed(self.add_status)

    def PdhCollectQueryData(self, query: Any) -> int:
        assert query.value == 0x7FF0_1234_5678
        self.collected = True
        return 0

    def PdhGetFormattedCounterArrayW(
        self, counter: Any, _form: Any, size: Any, count: Any, buffer: Any
    ) -> int:
        assert counter.value == 0x7FF0_8765_4321
        assert self.collected
        if not self.instances:
            return signed(NO_DATA)
        count._obj.value = len(self.instances)
        size._obj.value = len(self.instances) * ctypes.sizeof(CounterItem)
        if buffer is None:
            return signed(MORE_DATA)
        items = [CounterItem(name, pair) for name, pair in self.instances.items()]
        self._kept = (CounterItem * len(items))(*items)
        ctypes.memmove(buffer, self._kept, size._obj.value)
        return 0

    def PdhCloseQuery(self, query: Any) -> int:
        assert query.value == 0x7FF0_1234_5678
        self.open_queries -= 1
        return 0


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the figures are those of 64 bits")
def test_the_structures_are_those_of_pdh_h():
    assert ctypes.sizeof(CounterItem) == 24
    assert CounterItem.counter.offset == 8


def test_every_instance_with_a_valid_reading_is_read():
    pdh = FakePdh({name: (place % 2, size) for place, (name, size) in enumerate(READINGS.items())})
    counter = PdhCounter(SHARED_USAGE, pdh)
    assert pdh.path == r"\GPU Process Memory(*)\Shared Usage"
    assert counter.read() == READINGS
    pdh.instances["pid_1712_luid_0x00000000_0x0000D4A1_phys_0"] = (0xC0000BBA, 1)
    assert counter.read().keys() == READINGS.keys() - {"pid_1712_luid_0x00000000_0x0000D4A1_phys_0"}
    counter.close()
    assert pdh.open_queries == 0


def test_a_counter_that_windows_does_not_have_is_an_error_and_leaves_no_query_open():
    pdh = FakePdh({}, add_status=NO_OBJECT)
    with pytest.raises(OSError, match="PdhAddEnglishCounterW: 0xC0000BB8"):
        PdhCounter(SHARED_USAGE, pdh)
    assert pdh.open_queries == 0


def test_a_process_is_the_sum_of_its_gpus_and_no_other():
    assert SharedMemory(lambda: READINGS)(4242) == 1_610_571_776 + 4_096
    assert SharedMemory(lambda: READINGS)(36924) == 226_516_992
    assert SharedMemory(lambda: READINGS)(4) == 0
    assert SharedMemory(lambda: READINGS)(5) is None


def test_a_counter_that_does_not_answer_is_no_reading():
    assert SharedMemory(PdhCounter(SHARED_USAGE, FakePdh({})).read)(4242) is None


def test_the_host_s_sample_has_it():
    sample = PsutilProbe(lambda pid: pid * 2).read(os.getpid())
    assert sample.gpu_shared_bytes == os.getpid() * 2
    assert PsutilProbe().read(os.getpid()).gpu_shared_bytes is None


@pytest.mark.skipif(os.name == "nt", reason="Windows has it")
def test_other_systems_have_no_such_counter():
    assert shared_memory()(os.getpid()) is None
