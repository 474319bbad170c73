"""Our turn against llama-bench and against llama-cpp-python's own loop: prefill and decode, tokens a second.

    python -m tests.bench.throughput [--model FILE] [--llama-bench PROGRAM] [--threads N] [--rounds N]

Without a model one of half a billion random weights is made (a tiny one would measure only the loop).
Everything runs with the same file, threads, batch and flash attention, in turns, so that a busy machine is
as unfair to one as to the other. Bars: decode and prefill at least 0.97 of
llama-bench.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import Chat, CountTokens, Load, Message, TokensCounted, TurnDone
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from tests.ggufs import Sizes, make_model

BAR = 0.97
HALF_A_BILLION = Sizes(
    n_layer=26, n_embd=1024, n_head=16, n_head_kv=8, n_ff=4864, n_vocab=32000, n_ctx_train=8192
)

# llama-cpp-python's own high-level loop with our sampler settings, one JSON line a round.
_REFERENCE = """
import json, random, sys, time
from llama_cpp import Llama
path, threads, prompt, answer = sys.argv[1], *map(int, sys.argv[2:5])
llm = Llama(path, n_ctx=prompt + answer + 64, n_batch=2048, n_ubatch=512, n_threads=threads,
            n_threads_batch=threads, flash_attn=True, verbose=False)
tokens = [random.randrange(3, llm.n_vocab()) for _ in range(prompt)]
for line in sys.stdin:
    llm.reset()
    start = time.perf_counter()
    llm.eval(tokens)
    read_s = time.perf_counter() - start
    llm.reset()
    loop = llm.generate(tokens[:16], top_k=40, top_p=0.95, min_p=0.05, temp=0.8, repeat_penalty=1.0)
    next(loop)
    start = time.perf_counter()
    for _ in range(answer):
        next(loop)
    write_s = time.perf_counter() - start
    print(json.dumps([prompt / read_s, answer / write_s]), flush=True)
"""

Speeds = tuple[float, float]  # prefill, decode


class Ours:
    """The engine process, spoken to as the window does."""

    def __init__(self, model: Path, threads: int, prompt: int, answer: int) -> None:
        self._client = EngineClient(lambda _: None, name="bench")
        self._client.start()
        options = LoadOptions(ctx_size=prompt + answer + 64, threads=threads, flash_attn="on")
        self._client.request(Load(id=self._client.next_id(), model=str(model), options=options))
        self._answer = answer
        self._prompt = self._text_of(prompt)
        self._turns = 0

    def run(self) -> Speeds:
        """Read a prompt of the wanted length; then write after a short one, as llama-bench does."""
        read = self._chat(self._prompt, 0)
        written = self._chat("Go on.", self._answer)
        return read.prompt_tokens / read.prefill_s, (written.completion_tokens - 1) / written.decode_s

    def close(self) -> None:
        """End the process."""
        self._client.stop()

    def _chat(self, text: str, max_tokens: int) -> TurnDone:
        self._turns += 1
        command = Chat(
            id=self._client.next_id(),
            messages=(Message("user", f"{self._turns % 10} {text}"),),
            sampling=Sampling(max_tokens=max_tokens, seed=self._turns),
            chat=str(self._turns),
        )
        done = self._client.request(command)
        assert isinstance(done, TurnDone)
        assert done.reused_tokens < 16
        return done

    def _text_of(self, n_tokens: int) -> str:
        """A text whose prompt has exactly this many tokens, give or take what the template reuses."""
        text = ""
        while True:
            command = CountTokens(id=self._client.next_id(), messages=(Message("user", f"0 {text}"),))
            counted = self._client.request(command)
            assert isinstance(counted, TokensCounted)
            if counted.prompt_tokens >= n_tokens:
                return text
            text += "1" * (n_tokens - counted.prompt_tokens)  # each digit is a token


class Reference:
    """A process with llama-cpp-python's `Llama`."""

    def __init__(self, model: Path, threads: int, prompt: int, answer: int) -> None:
        words = [sys.executable, "-c", _REFERENCE, str(model), str(threads), str(prompt), str(answer)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self) -> Speeds:
        """One round."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        prefill, decode = json.loads(self._process.stdout.readline())
        return prefill, decode

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def llama_bench(program: str, model: Path, threads: int, prompt: int, answer: int) -> Speeds:
    """One round of llama-bench."""
    words = [program, "-m", str(model), "-t", str(threads), "-p", str(prompt), "-n", str(answer)]
    words += ["-r", "1", "-fa", "1", "-b", "2048", "-ub", "512", "-o", "json"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    rows = {("decode" if row["n_gen"] else "prefill"): row["avg_ts"] for row in json.loads(said)}
    return rows["prefill"], rows["decode"]


def main() -> int:
    """Measure and print; the status says whether the bars are met (when llama-bench was there)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--llama-bench", default=shutil.which("llama-bench"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-p", "--prompt", type=int, default=512)
    parser.add_argument("-n", "--answer", type=int, default=48)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = chosen.model or make_model("llama", Path(folder), file_type="q8_0", sizes=HALF_A_BILLION)
        print(
            f"{model.name}: {model.stat().st_size / 2**20:,.0f} MiB, {chosen.threads} thread(s)", flush=True
        )
        return compare(model, chosen)


def compare(model: Path, chosen: argparse.Namespace) -> int:
    """Run all of them in turns and print the table."""
    sizes = (model, chosen.threads, chosen.prompt, chosen.answer)
    ours, reference = Ours(*sizes), Reference(*sizes)
    runs: dict[str, Callable[[], Speeds]] = {"kvdesk": ours.run, "llama-cpp-python": reference.run}
    if chosen.llama_bench:
        runs["llama-bench"] = lambda: llama_bench(chosen.llama_bench, *sizes)
    speeds: dict[str, list[Speeds]] = {name: [] for name in runs}
    for number in range(chosen.rounds + 1):
        for name, run in runs.items():
            measured = run()
            if number:  # the first round warms everybody up
                speeds[name].append(measured)
                print(f"  {name:18} prefill {measured[0]:9.1f}   decode {measured[1]:8.2f}", flush=True)
    ours.close()
    reference.close()
    return report(speeds)


def report(speeds: dict[str, list[Speeds]]) -> int:
    """Print medians, best rounds and ratios; a ratio is the geometric mean over rounds, each with its own.

    Neighbours in time share the machine's mood, so ratios of a round hold where medians of all do not.
    """
    print(f"{'tokens/s':18} {'median of':>10} {'':>9} {'best of':>10} {'':>9}   ours to it, round by round")
    print(
        f"{'':18} {'prefill':>10} {'decode':>9} {'prefill':>10} {'decode':>9}   {'prefill':>9} {'decode':>9}"
    )
    ratios: dict[str, list[float]] = {}
    for name, rounds in speeds.items():
        columns = list(zip(*rounds, strict=True))
        ours = list(zip(*speeds["kvdesk"], strict=True))
        ratios[name] = [
            statistics.geometric_mean(mine / other for mine, other in zip(*pair, strict=True))
            for pair in zip(ours, columns, strict=True)
        ]
        figures = [statistics.median(column) for column in columns] + [max(column) for column in columns]
        told = "{:10.1f} {:9.2f} {:10.1f} {:9.2f}".format(*figures)
        print(f"{name:18} {told}   {ratios[name][0]:9.3f} {ratios[name][1]:9.3f}")
    if "llama-bench" not in ratios:
        print("llama-bench was not found; name it with --llama-bench.")
        return 0
    return 0 if min(ratios["llama-bench"]) >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
