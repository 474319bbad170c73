"""llama.cpp's own programs, where there are any: they read exported commands and say what memory they take.

`python packaging/llama_programs.py FOLDER` builds them from the source that llama-cpp-python carries; the
folder is then named by KVDESK_LLAMA_BIN. Without it they are looked for on the PATH.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kvdesk.memory.report import Kind

_LONGEST_S = 60.0
_READY = re.compile(r"listening on http")
_SIZES = {
    Kind.WEIGHTS: re.compile(r"load_tensors: +\S+ model buffer size = +([\d.]+) MiB"),
    Kind.K: re.compile(r"llama_kv_cache: size = .* K \(\w+\): +([\d.]+) MiB"),
    Kind.V: re.compile(r"llama_kv_cache: size = .* V \(\w+\): +([\d.]+) MiB"),
    Kind.RECURRENT: re.compile(r"llama_memory_recurrent: size = +([\d.]+) MiB"),
    Kind.COMPUTE: re.compile(r"sched_reserve: +\S+ compute buffer size = +([\d.]+) MiB"),
    Kind.OUTPUT: re.compile(r"llama_context: +\S+ +output buffer size = +([\d.]+) MiB"),
}


def find(program: str) -> str | None:
    """The path of a program, or None."""
    folder = os.environ.get("KVDESK_LLAMA_BIN")
    return shutil.which(program, path=folder) if folder else shutil.which(program)


@dataclass(frozen=True)
class Said:
    """What a program printed, and the MiB of each kind of memory in it."""

    text: str

    def mib(self, kind: Kind) -> float:
        """The sum of a kind's buffers, as printed, to 0.01 MiB each."""
        return sum(float(size) for size in _SIZES[kind].findall(self.text))

    def largest_mib(self, kind: Kind) -> float:
        """The largest of a kind's buffers, for programs that make several contexts."""
        return max((float(size) for size in _SIZES[kind].findall(self.text)), default=0.0)

    @property
    def has_context(self) -> bool:
        """Whether a context was made."""
        return bool(_SIZES[Kind.COMPUTE].search(self.text))


def run(words: Sequence[str], folder: Path) -> Said:
    """Run a command to its end without input, and return what it printed."""
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_LONGEST_S,
        cwd=folder,
        check=False,
    )
    return Said(done.stdout.decode(errors="replace"))


def serve(words: Sequence[str], folder: Path) -> Said:
    """Run a server until it listens, or ends by itself, and return what it printed until then."""
    lines = []
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder
    ) as server:
        assert server.stdout is not None
        for line in server.stdout:
            lines.append(line.decode(errors="replace"))
            if _READY.search(lines[-1]):
                server.kill()  # asked to end before its queue runs, it would wait for ever
                break
        rest, _ = server.communicate(timeout=_LONGEST_S)
    return Said("".join(lines) + rest.decode(errors="replace"))
