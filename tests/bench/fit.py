"""Finds the largest context of every cache pair for each model of a folder, and lets llama.cpp judge.

    python -m tests.bench.fit FOLDER [--budgets 6,8,12,16,24] [--pairs f16/f16,q8_0/q8_0]

The budgets, in GiB, are the host's, so that a dry run can confirm them without a GPU: each result must fit,
and the next 256 tokens must not. Prints a row for each model and budget, with the processor time that all 81
pairs take there and on a GPU of that size, which need not be here: the least of three, each for a model that
nothing is known of yet. Ends with 1 on a false claim.
"""

import argparse
import sys
import time
from pathlib import Path

import msgspec

from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import DryRun, Planned
from kvdesk.errors import KvDeskError
from kvdesk.gguf.open import open_model
from kvdesk.memory.estimate import estimate
from kvdesk.memory.families import shape_of
from kvdesk.memory.report import HOST, TOTAL_KINDS, Device
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.solve import context_limit, fit_all, step_of
from kvdesk.units import GIB

# A dry run never maps the file, and a few architectures then hold their embedding twice.
OPTIONS = LoadOptions(mmap=False)


def needed_bytes(client, path, shape, options):
    """What llama.cpp plans to take of the host, and what it takes beyond its buffers."""
    planned = client.request(DryRun(id=client.next_id(), model=str(path), options=options), 300)
    assert isinstance(planned, Planned)
    estimated = estimate(shape, configure(options, shape, (HOST,)))
    beyond = sum(item.bytes for item in estimated.items if item.kind not in TOTAL_KINDS)
    return planned.report.bytes_of() + beyond


def timed(header, search):
    """What the search finds, and the time in ms it takes for a model that it has never seen."""
    times = []
    for _ in range(3):
        shape = shape_of(header)
        began = time.process_time()
        found = search(shape)
        times.append((time.process_time() - began) * 1000)
    return found, min(times)


def on_a_gpu(size_bytes):
    """The search on a GPU of that size, beside a host that has room for it all."""
    gpu = Device("CUDA0", "gpu", "cuda", size_bytes, size_bytes)
    host = msgspec.structs.replace(HOST, free_bytes=1 << 50)
    return lambda shape: fit_all(shape, LoadOptions(), (gpu, host))


def on_the_host(size_bytes):
    """The search on the host, with that budget."""
    return lambda shape: fit_all(shape, OPTIONS, (HOST,), limits={HOST.name: size_bytes})


def check(client, path, shape, fit, limit):
    """Whether the dry run agrees: "ok", "too large", "could be larger", or why it could not be asked."""
    if fit.max_ctx_size is None:
        return "-"
    options = msgspec.structs.replace(
        OPTIONS, cache_type_k=fit.cache_type_k, cache_type_v=fit.cache_type_v, ctx_size=fit.max_ctx_size
    )
    try:
        if needed_bytes(client, path, shape, options) > limit:
            return "too large"
        if fit.max_ctx_size < context_limit(shape, OPTIONS):
            larger = msgspec.structs.replace(options, ctx_size=fit.max_ctx_size + step_of(OPTIONS))
            if needed_bytes(client, path, shape, larger) <= limit:
                return "could be larger"
    except KvDeskError as error:
        return str(error)
    return "ok"


def main():
    """Go through the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--budgets", default="6,8,12,16,24")
    parser.add_argument("--pairs", default="f16/f16,q8_0/q8_0")
    arguments = parser.parse_args()
    pairs = [tuple(pair.split("/")) for pair in arguments.pairs.split(",")]
    client = EngineClient(lambda event: None, name="planner")
    client.start()
    times, on_gpu, verdicts = [], [], []
    for path in sorted(arguments.folder.glob("*.gguf")):
        if "-of-" in path.name and "-00001-of-" not in path.name:
            continue
        header = open_model(str(path))
        shape = shape_of(header)
        for budget in arguments.budgets.split(","):
            limit = round(float(budget) * GIB)
            fits, took_ms = timed(header, on_the_host(limit))
            times.append(took_ms)
            on_gpu.append(timed(header, on_a_gpu(limit))[1])
            chosen = [fit for fit in fits if (fit.cache_type_k, fit.cache_type_v) in pairs]
            said = [(fit, check(client, path, shape, fit, limit)) for fit in chosen]
            verdicts += [verdict for _, verdict in said if verdict != "-"]
            cells = [
                f"{fit.cache_type_k}/{fit.cache_type_v} {fit.max_ctx_size or '-':>8} {v}" for fit, v in said
            ]
            took = f"{times[-1]:5.0f} ms, GPU {on_gpu[-1]:5.0f} ms"
            print(f"{path.stem[:38]:38} {budget:>4} GiB {took}  {'  '.join(cells)}", flush=True)
    client.stop()
    for place, each in (("the host", sorted(times)), ("a GPU", sorted(on_gpu))):
        middle, most = each[len(each) // 2], each[-1]
        print(f"{len(each)} searches of 81 pairs on {place}: median {middle:.0f} ms, most {most:.0f} ms")
    print(f"{len(verdicts)} claims: " + ", ".join(f"{verdicts.count(v)} {v}" for v in sorted(set(verdicts))))
    return 1 if "too large" in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
