"""Devices and the demo model's shape for tests of plans."""

from functools import cache

from kvdesk.gguf.open import open_model
from kvdesk.memory.estimate import estimate
from kvdesk.memory.families import shape_of
from kvdesk.memory.report import Device
from kvdesk.plan.configure import configure
from kvdesk.units import GIB, MIB

CPU = Device("CPU", "cpu", "cpu", 64 * GIB, 48 * GIB)


def gpu(name="CUDA0", mib=8192, size_bytes=None):
    """A GPU with that much memory, all of it free."""
    size_bytes = size_bytes or mib * MIB
    return Device(name, "gpu", "cuda", size_bytes, size_bytes)


def gpu_for(options, spare_bytes=0):
    """A GPU with just the room that the demo model needs there with these options, and some to spare."""
    report = estimate(demo_shape(), configure(options, demo_shape(), (gpu(), CPU)))
    return gpu(size_bytes=report.needed_bytes("CUDA0") + spare_bytes)


@cache
def demo_shape():
    """The built-in model."""
    return shape_of(open_model("demo"))
