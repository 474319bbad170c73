"""Makes a model of every kind and lets llama.cpp run it: `python -m tests.bench.kinds [NAME...]`."""

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.ggufs import KINDS, make_model

_PROGRAM = Path(__file__).parents[1] / "gguf" / "decode_one.py"


def main(names: list[str]) -> None:
    failed = []
    for name in names or KINDS:
        with TemporaryDirectory() as folder:
            try:
                model = make_model(name, Path(folder))
            except RuntimeError as error:
                failed.append(name)
                print(f"{name:20} cannot be made: {str(error)[-300:]}", flush=True)
                continue
            way = "decode" if KINDS[name].is_causal else "encode"
            ran = subprocess.run([sys.executable, _PROGRAM, model, way], capture_output=True, text=True)
            size_kib = model.stat().st_size // 1024
        if ran.returncode:
            failed.append(name)
            print(f"{name:20} cannot be run: {ran.stderr[-300:]}", flush=True)
        else:
            print(f"{name:20} {size_kib:7,} KiB  {float(ran.stdout.split()[-1]):.1f}", flush=True)
    print(f"{len(failed)} failed: {failed}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all kinds without one")
    main(parser.parse_args().names)
