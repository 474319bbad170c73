"""How long the command takes to the window's first picture, in seconds.

Run by hand under a display: `python tests/bench/first_paint.py [RUNS]`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main(runs: int) -> None:
    """Print the best and the median of several starts; the first one may read files from a cold disk."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        environment = {**os.environ, "KVDESK_FIRST_PAINT_LOG": str(log), "KVDESK_HOME": folder}
        times_s = []
        for _ in range(runs):
            begun = time.time()
            subprocess.run([sys.executable, "-m", "kvdesk"], env=environment, check=True)
            times_s.append(float(log.read_text("ascii")) - begun)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"first {times_s[0]:.2f} s, best {min(times_s):.2f} s, median {statistics.median(times_s):.2f} s")
    print(f"{runs} runs, load average {load:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, nargs="?", default=7)
    main(parser.parse_args().runs)
