"""Makes the parts of /sys and /proc that the probes read, with what real kernels write there."""

from pathlib import Path

# /proc/PID/fdinfo of a process that computes, as each driver writes it (kernel: drm-usage-stats.rst).
AMDGPU = """pos:\t0
flags:\t02100002
mnt_id:\t24
ino:\t1062
drm-driver:\tamdgpu
drm-client-id:\t{client}
drm-pdev:\t0000:03:00.0
pasid:\t32771
drm-total-vram:\t5242880 KiB
drm-shared-vram:\t0
drm-resident-vram:\t{vram_kib} KiB
drm-resident-gtt:\t524288 KiB
drm-resident-cpu:\t0
drm-memory-vram:\t{vram_kib} KiB
drm-memory-gtt: \t524288 KiB
drm-engine-gfx:\t1200 ns
"""
AMDGPU_6_1 = """drm-driver:\tamdgpu
drm-client-id:\t7
drm-pdev:\t0000:03:00.0
drm-memory-vram:\t4096 KiB
drm-memory-gtt: \t0 KiB
"""
XE = """drm-driver:\txe
drm-client-id:\t4
drm-pdev:\t0000:04:00.0
drm-total-system:\t0
drm-resident-gtt:\t384 KiB
drm-total-vram0:\t51200 KiB
drm-shared-vram0:\t8 MiB
drm-resident-vram0:\t51200 KiB
drm-resident-stolen:\t0
drm-cycles-ccs:\t12345678
"""
I915 = """drm-driver:\ti915
drm-client-id:\t11
drm-pdev:\t0000:04:00.0
drm-engine-render:\t573979900 ns
drm-resident-local0:\t512 MiB
drm-resident-stolen-local0:\t8 MiB
drm-resident-system0:\t2048 KiB
"""


def write(root: Path, **files: object) -> None:
    """Write files under a folder; "__" in a name is a folder's end."""
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(f"{content}\n")


def add_card(root: Path, number: int, address: str, **files: object) -> tuple[Path, Path]:
    """Make a card with these files of its device; return the card's folder and the device's."""
    device = root / "devices" / address
    write(device, **files)
    card = root / "drm" / f"card{number}"
    card.mkdir(parents=True)
    (card / "device").symlink_to(device)
    (root / "drm" / f"card{number}-DP-1").mkdir()
    return card, device


def add_process(root: Path, pid: int, *clients: str) -> None:
    """Make a process with these graphics clients open, and a file that is none."""
    process = root / "proc" / str(pid)
    for folder in ("fd", "fdinfo"):
        (process / folder).mkdir(parents=True)
    for number, text in enumerate(("pos:\t0\n", *clients)):
        target = "/dev/dri/renderD128" if number else "/dev/null"
        (process / "fd" / str(number)).symlink_to(target)
        (process / "fdinfo" / str(number)).write_text(text)
