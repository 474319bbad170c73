"""How fast we read and write: the engine's turn against llama-bench, llama-cpp-python's own loop beside it.

    python -m tests.bench.throughput [--model FILE] [--llama-bench PROGRAM] [--threads N] [--rounds N]

Without a model one of half a billion random weights is made (a tiny one would measure only the loop).

The verdict is that of `side_by_side`: our turn and llama-bench's loop in one process, token by token, prompt
by prompt. Bars: decode at least 0.99 and prefill at least 0.98 of it, with each type of cache.

The programs are then run in turns, with the same file, threads, batch and flash attention, for what a user of
each would see. llama-bench runs twice in every round: what the second run differs from the first is the noise
of this machine, and no other difference smaller than that means anything.
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
from kvdesk.plan.options import CacheTypeName, LoadOptions
from kvdesk.plan.sampling import Sampling
from tests.bench.side_by_side import Ratio, SideBySide, Step, open_model
from tests.ggufs import Sizes, make_model

DECODE_BAR, PREFILL_BAR = 0.99, 0.98
CACHE_TYPES: tuple[CacheTypeName, ...] = ("f16", "q8_0")
GGML_IDS = {"f16": 1, "q8_0": 8}  # enum ggml_type
HALF_A_BILLION = Sizes(
    n_layer=26, n_embd=1024, n_head=16, n_head_kv=8, n_ff=4864, n_vocab=32000, n_ctx_train=8192
)

# llama-cpp-python's own high-level loop with our sampler settings, one JSON line a round.
_REFERENCE = """
import json, random, sys, time
from llama_cpp import Llama
path, threads, prompt, answer, cache = sys.argv[1], *map(int, sys.argv[2:6])
llm = Llama(path, n_ctx=prompt + answer + 64, n_batch=2048, n_ubatch=512, n_threads=threads,
            n_threads_batch=threads, flash_attn=True, type_k=cache, type_v=cache, verbose=False)
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

    def __init__(self, model: Path, threads: int, prompt: int, answer: int, cache: CacheTypeName) -> None:
        self._client = EngineClient(lambda _: None, name="bench")
        self._client.start()
        options = LoadOptions(
            ctx_size=prompt + answer + 64,
            cache_type_k=cache,
            cache_type_v=cache,
            threads=threads,
            flash_attn="on",
        )
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

    def __init__(self, model: Path, threads: int, prompt: int, answer: int, cache: CacheTypeName) -> None:
        sizes = map(str, (threads, prompt, answer, GGML_IDS[cache]))
        words = [sys.executable, "-c", _REFERENCE, str(model), *sizes]
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


def llama_bench(
    program: str, model: Path, threads: int, prompt: int, answer: int, cache: CacheTypeName
) -> Speeds:
    """One round of llama-bench."""
    words = [program, "-m", str(model), "-t", str(threads), "-p", str(prompt), "-n", str(answer)]
    words += ["-r", "1", "-fa", "1", "-b", "2048", "-ub", "512", "-ctk", cache, "-ctv", cache, "-o", "json"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    rows = {("decode" if row["n_gen"] else "prefill"): row["avg_ts"] for row in json.loads(said)}
    return rows["prefill"], rows["decode"]


def main() -> int:
    """Measure and print; the status says whether the bars are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--llama-bench", default=shutil.which("llama-bench"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10, help="prompts, and answers, of the verdict")
    parser.add_argument("--program-rounds", type=int, default=3, help="0 leaves the programs out")
    parser.add_argument("-p", "--prompt", type=int, default=512)
    parser.add_argument("-n", "--answer", type=int, default=48)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = chosen.model or make_model("llama", Path(folder), file_type="q8_0", sizes=HALF_A_BILLION)
        print(f"{model.name}: {model.stat().st_size / 2**20:,.0f} MiB, {chosen.threads} thread(s)")
        is_met = judge(model, chosen)
        for cache in CACHE_TYPES if chosen.program_rounds else ():
            compare(model, chosen, cache)
    return 0 if is_met else 1


def judge(model: Path, chosen: argparse.Namespace) -> bool:
    """Compare in one process and print the verdict: our speed as a share of llama-bench's."""
    weights = open_model(model, chosen.threads)
    is_met = True
    print("\nour turn to llama-bench's loop, in one process; the control is that loop to itself")
    print(f"{'':14} {'n':>5} {'ours':>9} {'theirs':>9}   {'clock':>16} {'control':>16} {'CPU time':>16}")
    for cache in CACHE_TYPES:
        together = SideBySide(weights, cache, chosen.threads, chosen.prompt, chosen.answer)
        is_met &= tell(f"{cache:5} prefill", PREFILL_BAR, together.prompts(chosen.rounds))
        is_met &= tell(f"{cache:5} decode", DECODE_BAR, together.tokens(chosen.rounds))
        together.close()
    weights.close()
    return is_met


def tell(name: str, bar: float, steps: list[Step]) -> bool:
    """Print a row; whether the bar is met."""
    ours, theirs, control = ([each.clock_s for each in side] for side in zip(*steps, strict=True))
    verdict = Ratio.of(ours, theirs)
    cpu = Ratio.of([step.ours.cpu_s for step in steps], [step.theirs.cpu_s for step in steps])
    told = "".join(
        f" {each.mean:7.4f} +- {each.error:.4f}" for each in (verdict, Ratio.of(control, theirs), cpu)
    )
    ours_ms, theirs_ms = statistics.median(ours) * 1000, statistics.median(theirs) * 1000
    missed = "" if verdict.mean >= bar else f"   below {bar}"
    print(f"{name:14} {verdict.n:5} {ours_ms:6.1f} ms {theirs_ms:6.1f} ms  {told}{missed}", flush=True)
    return verdict.mean >= bar


def compare(model: Path, chosen: argparse.Namespace, cache: CacheTypeName) -> None:
    """Run the programs in turns and print the table."""
    sizes = (model, chosen.threads, chosen.prompt, chosen.answer, cache)
    ours, reference = Ours(*sizes), Reference(*sizes)
    runs: dict[str, Callable[[], Speeds]] = {}
    if chosen.llama_bench:
        runs = dict.fromkeys(
            ("llama-bench", "llama-bench again"), lambda: llama_bench(chosen.llama_bench, *sizes)
        )
    runs |= {"kvdesk": ours.run, "llama-cpp-python": reference.run}
    speeds: dict[str, list[Speeds]] = {name: [] for name in runs}
    for number in range(chosen.program_rounds + 1):
        for name, run in runs.items():
            measured = run()
            if number:  # the first round warms everybody up
                speeds[name].append(measured)
    ours.close()
    reference.close()
    report(cache, speeds)


def report(cache: CacheTypeName, speeds: dict[str, list[Speeds]]) -> None:
    """Print medians and each program's ratio to the first one, the geometric mean over rounds."""
    first = next(iter(speeds))
    print(f"\nprograms in turns, {cache} cache, {len(speeds[first])} rounds")
    print(f"{'':18} {'tokens a second':>20}   {f'to {first}':>20}")
    print(f"{'':18} {'prefill':>10} {'decode':>9}   {'prefill':>10} {'decode':>9}")
    base = list(zip(*speeds[first], strict=True))
    for name, rounds in speeds.items():
        columns = list(zip(*rounds, strict=True))
        prefill, decode = (
            statistics.geometric_mean(mine / other for mine, other in zip(*pair, strict=True))
            for pair in zip(columns, base, strict=True)
        )
        medians = "{:10.1f} {:9.2f}".format(*map(statistics.median, columns))
        print(f"{name:18} {medians}   {prefill:10.3f} {decode:9.3f}", flush=True)
    if "llama-bench" not in speeds:
        print("llama-bench was not found; name it with --llama-bench.")


if __name__ == "__main__":
    sys.exit(main())
