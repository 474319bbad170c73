"""The vendors whose devices are read; another vendor is one more file and one more row.

Apple's GPU shares the host's memory, which the host's probe reads.
"""

from collections.abc import Callable

from kvdesk.monitor.amd import AmdProbe
from kvdesk.monitor.intel import IntelProbe
from kvdesk.monitor.nvidia import NvidiaProbe
from kvdesk.monitor.sampler import DeviceProbe

PROBES: tuple[Callable[[], DeviceProbe], ...] = (NvidiaProbe, AmdProbe, IntelProbe)
