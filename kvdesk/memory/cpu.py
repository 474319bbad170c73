"""Which weights this processor rearranges in memory, by its vector units (ggml-cpu/repack.cpp)."""

import platform
from enum import Enum
from functools import lru_cache
from pathlib import Path

from kvdesk.memory.shape import Weight


class Cpu(Enum):
    """Kinds of processor that differ in what they repack."""

    PLAIN = "plain"
    AVX2 = "avx2"
    AVX512 = "avx512"
    NEON_DOTPROD = "neon dotprod"
    NEON_I8MM = "neon i8mm"


# ggml_repack_get_optimal_repack_type: type -> rows must be a multiple of this.
_AVX2 = {"q4_0": 8, "q4_K": 8, "iq4_nl": 8, "mxfp4": 8}
_DOTPROD = {"q4_0": 4, "q4_K": 8, "q5_K": 8, "q6_K": 8, "iq4_nl": 4, "mxfp4": 4, "q8_0": 4, "q1_0": 4}
_ROWS: dict[Cpu, dict[str, int]] = {
    Cpu.PLAIN: {},
    Cpu.AVX2: _AVX2,
    Cpu.AVX512: {**_AVX2, "q2_K": 8},
    Cpu.NEON_DOTPROD: _DOTPROD,
    Cpu.NEON_I8MM: _DOTPROD,
}


def repacks(cpu: Cpu, weight: Weight) -> bool:
    """Whether the weight goes to the CPU_REPACK buffer: 2-D for mul_mat, 3-D for mul_mat_id."""
    n_dims = sum(1 for size in weight.shape if size > 1)
    if (weight.use, n_dims) not in (("matmul", 2), ("experts", 3)):
        return False
    multiple = _ROWS[cpu].get(weight.type_name)
    return multiple is not None and weight.shape[1] % multiple == 0


@lru_cache(maxsize=1)
def this_cpu() -> Cpu:
    """The kind of this computer's processor, for a library built on it (GGML_NATIVE)."""
    machine = platform.machine().lower()
    if machine in ("arm64", "aarch64"):
        # Every Apple processor since the M2 and the M1's dotprod; elsewhere the kernel says.
        if platform.system() == "Darwin":
            return Cpu.NEON_DOTPROD if "M1" in platform.processor() else Cpu.NEON_I8MM
        flags = _linux_flags()
        return Cpu.NEON_I8MM if "i8mm" in flags else Cpu.NEON_DOTPROD if "asimddp" in flags else Cpu.PLAIN
    if machine in ("x86_64", "amd64"):
        flags = _linux_flags()
        if "avx512f" in flags:
            return Cpu.AVX512
        # Without a list of flags (Windows, Intel Macs) any processor of the last ten years.
        return Cpu.AVX2 if "avx2" in flags or not flags else Cpu.PLAIN
    return Cpu.PLAIN


def _linux_flags() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return set()
    lines = (line for line in text.splitlines() if line.lower().startswith(("flags", "features")))
    return set(next(lines, "").partition(":")[2].split())
