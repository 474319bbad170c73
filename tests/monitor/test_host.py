"""The host's memory and one process."""

import os
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


def test_a_process_is_read():
    probe = PsutilProbe()
    first = probe.read(os.getpid())
    ballast = bytearray(os.urandom(64)) * (1 << 20)
    second = probe.read(os.getpid())
    assert first.process_bytes is not None
    assert second.process_bytes is not None
    assert second.process_bytes - first.process_bytes > len(ballast) * 0.9
    assert second.process_private_bytes is not None
    assert second.process_private_bytes <= second.process_bytes
    assert second.process_cpu_percent is not None


def test_a_process_that_is_gone_reads_as_none():
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        pass
    sample = PsutilProbe().read(process.pid)
    assert sample.process_bytes is None
    assert sample.available_bytes is not None
