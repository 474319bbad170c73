"""Times our header reader against gguf-py's: `python -m tests.bench.headers FOLDER_OR_FILE... [--runs 9]`.

Each reading is timed in a process of its own for memory and first-time cost, then repeated there; gguf-py's,
which takes seconds, is run once.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

_OURS = """
import json, resource, sys, time
began = time.perf_counter()
from kvdesk.gguf.header import ArrayValue, ValueType, read_header
imported = time.perf_counter()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
times = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    header = read_header(sys.argv[1])
    times.append(time.perf_counter() - start)
strings = sum(v.count for v in header.metadata.values()
              if isinstance(v, ArrayValue) and v.element_type is ValueType.STRING)
print(json.dumps({"times_s": times, "import_s": imported - began, "tensors": len(header.tensors),
                  "header_bytes": header.data_offset, "strings": strings,
                  "memory_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before}))
"""

_GGUF_PY = """
import json, resource, sys, time
from gguf import GGUFReader
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
GGUFReader(sys.argv[1])
print(json.dumps({"times_s": [time.perf_counter() - start],
                  "memory_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before}))
"""


def measure(program: str, path: Path, runs: int) -> dict[str, object]:
    """Run one of the programs above on a file and return what it printed."""
    ran = subprocess.run(
        [sys.executable, "-c", program, str(path), str(runs)], capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--no-reference", action="store_true", help="leave gguf-py out")
    chosen = parser.parse_args()
    files = [
        file for path in chosen.paths for file in (sorted(path.glob("*.gguf")) if path.is_dir() else [path])
    ]
    head = (
        "file",
        "strings",
        "tensors",
        "header MB",
        "first ms",
        "median",
        "best",
        "KiB",
        "gguf-py s",
        "KiB",
        "times",
    )
    print("{:44} {:>8} {:>7} {:>9} {:>8} {:>7} {:>7} {:>8} {:>9} {:>9} {:>6}".format(*head))
    ratios = []
    imports = []
    began = time.monotonic()
    for file in files:
        ours = measure(_OURS, file, chosen.runs)
        median_s = statistics.median(ours["times_s"])
        imports.append(ours["import_s"])
        name = file.name[:44]
        row = (
            f"{name:44} {ours['strings']:8,} {ours['tensors']:7,} {ours['header_bytes'] / 1e6:9.1f} "
            f"{1000 * ours['times_s'][0]:8.1f} {1000 * median_s:7.1f} "
            f"{1000 * min(ours['times_s']):7.1f} {ours['memory_kib']:8,}"
        )
        if not chosen.no_reference:
            theirs = measure(_GGUF_PY, file, 1)
            ratios.append(theirs["times_s"][0] / median_s)
            row += f" {theirs['times_s'][0]:9.2f} {theirs['memory_kib']:9,} {ratios[-1]:6.0f}"
        print(row, flush=True)
    print(f"import of our reader: {1000 * statistics.median(imports):.0f} ms (once a process)")
    if ratios:
        print(f"times as fast: least {min(ratios):.0f}, median {statistics.median(ratios):.0f}")
    print(f"{len(files)} files in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
