"""Devices and the demo model's shape for tests of plans."""

from functools import cache

from kvdesk.gguf.open import open_model
from kvdesk.memory.families import shape_of
from kvdesk.memory.report import Device
from kvdesk.units import GIB, MIB

CPU = Device("CPU", "cpu", "cpu", 64 * GIB, 48 * GIB)


def gpu(name="CUDA0", mib=8192):
    """A GPU with that much memory, all of it free."""
    return Device(name, "gpu", "cuda", mib * MIB, mib * MIB)


@cache
def demo_shape():
    """The built-in model."""
    return shape_of(open_model("demo"))
