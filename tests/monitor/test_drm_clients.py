"""What one process holds on Linux's graphics cards."""

from pathlib import Path

from kvdesk.monitor.drm_clients import Held, held_memory
from tests.monitor.fake_linux import AMDGPU, AMDGPU_6_1, I915, XE, add_process

MIB = 1 << 20


def test_every_driver_s_own_memory_is_told_from_the_host_s(tmp_path: Path):
    for pid, (text, address, held) in enumerate(
        (
            (AMDGPU.format(client=5, vram_kib=4 << 20), "0000:03:00.0", Held(4096 * MIB, 512 * MIB)),
            (AMDGPU_6_1, "0000:03:00.0", Held(4 * MIB)),
            (XE, "0000:04:00.0", Held(50 * MIB, 384 << 10)),
            (I915, "0000:04:00.0", Held(512 * MIB)),
        )
    ):
        add_process(tmp_path, pid, text)
        assert held_memory(pid, tmp_path / "proc") == {address: held}


def test_a_client_counts_once_and_clients_add_up(tmp_path: Path):
    first, second = (AMDGPU.format(client=client, vram_kib=1024) for client in (5, 6))
    add_process(tmp_path, 1, first, first, second, XE)
    assert held_memory(1, tmp_path / "proc") == {
        "0000:03:00.0": Held(2 * MIB, 1024 * MIB),
        "0000:04:00.0": Held(50 * MIB, 384 << 10),
    }


def test_a_driver_that_counts_nothing_is_unknown(tmp_path: Path):
    nvidia = "drm-driver:\tnvidia-drm\ndrm-client-id:\t4\ndrm-pdev:\t0000:01:00.0\n"
    strange = (
        "drm-driver:\tamdgpu\ndrm-client-id:\t4\ndrm-pdev:\t0000:03:00.0\ndrm-resident-vram:\t12 furlongs\n"
    )
    add_process(tmp_path, 1, nvidia, strange)
    assert held_memory(1, tmp_path / "proc") == {}


def test_a_process_that_is_gone_holds_nothing(tmp_path: Path):
    assert held_memory(1, tmp_path / "proc") == {}
