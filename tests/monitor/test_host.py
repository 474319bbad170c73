"""The host's memory and one process."""

import subprocess
import sys

from kvdesk.monitor.host import PsutilProbe


def test_the_host_has_memory():
    sample = PsutilProbe().read(None)
    assert sample.total_bytes is not None
    assert sample.available_bytes is not None
    assert 0 < sample.available_bytes <= sample.total_bytes
    assert sample.process_bytes is None
    assert sample.process_cpu_percent is None


# A process of its own: the allocator of one that has lived for a while may hand out pages it has already.
_GROWING = """
import sys
print(flush=True)
sys.stdin.readline()
ballast = b"x" * (64 << 20)
print(flush=True)
sys.stdin.readline()
"""


def test_a_process_is_read():
    probe = PsutilProbe()
    with subprocess.Popen(
        [sys.executable, "-c", _GROWING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        first = probe.read(process.pid)
        print(file=process.stdin, flush=True)
        process.stdout.readline()
        second = probe.read(process.pid)
        process.stdin.close()
    assert first.process_bytes is not None
    assert second.process_bytes is not None
    assert second.process_bytes - first.process_bytes > (64 << 20) * 0.9
    assert second.process_private_bytes is not None
    assert second.process_private_bytes <= second.process_bytes
    assert second.process_cpu_percent is not None


def test_a_process_that_is_gone_reads_as_none():
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        pass
    sample = PsutilProbe().read(process.pid)
    assert sample.process_bytes is None
    assert sample.available_bytes is not None
