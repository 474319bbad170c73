"""A desk without threads and processes, and hand-made states like those that real models give."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtWidgets import QWidget

from kvdesk.engine.protocol import CacheReport
from kvdesk.gui.in_steps import InSteps
from kvdesk.memory.cache_types import BY_NAME, CACHE_TYPES
from kvdesk.memory.report import Degree, Device, Item, Kind, MemoryReport, Refusal
from kvdesk.memory.shape import LayerShape
from kvdesk.monitor.sample import DeviceSample, HostSample, Sample
from kvdesk.phrases import Phrase
from kvdesk.plan.load_record import BufferAccount, DeviceAccount, Failure, LoadRecord, ModelIdentity
from kvdesk.plan.offer import Advice
from kvdesk.plan.options import LoadOptions
from kvdesk.session.desk import Desk
from kvdesk.session.history import History
from kvdesk.session.state import (
    CacheTypeVerdict,
    ChatMessage,
    ChatSummary,
    Conversation,
    DeskState,
    EngineState,
    LoadedModel,
    ModelCard,
    Notice,
    PairFit,
    Phase,
    SendCost,
    Streaming,
    TurnFigures,
)
from kvdesk.settings.rows import Settings
from kvdesk.units import GIB, MIB

GPU = Device("CUDA0", "gpu", "cuda", 8188 * MIB, 8054 * MIB, "RTX 4060 Laptop")
HOST = Device("CPU", "cpu", "cpu", 32 * GIB, 21 * GIB, "AMD Ryzen 7 7840HS")
Q8 = LoadOptions(ctx_size=32768, cache_type_k="q8_0", cache_type_v="q8_0")


class FakeDesk(Desk):
    """What views see of a desk, without its processes: a state to draw, a history, settings.

    What they ask for is in `calls`.
    """

    def __init__(self, state: DeskState | None = None) -> None:
        self.state = state or DeskState(devices=(HOST,))
        self.history = History()
        self.settings = Settings()
        self.data_folder = Path("/home/ana/.local/share/kvdesk")
        self.opened: Any = None
        self.calls: list[tuple[Any, ...]] = []
        self.is_changed = False
        self.last_load: Any = None
        self.resting_tokens: dict[int, int] = {}  # no cache that would be asked about at the end

    def drain(self) -> bool:
        changed, self.is_changed = self.is_changed, False
        return changed

    def show(self, **changes: Any) -> None:
        """Put the desk into another state."""
        self.state = replace(self.state, **changes)
        self.is_changed = True

    def change_settings(self, **changes: Any) -> None:
        self.settings = msgspec.structs.replace(self.settings, **changes)

    def start(self) -> None:
        self.calls.append(("start",))

    def close(self) -> None:
        self.calls.append(("close",))


def fill(dialog: QWidget) -> None:
    """Let a dialog make at once what it makes in steps."""
    for steps in dialog.findChildren(InSteps):
        steps.finish()


def record_actions(monkeypatch: Any, desk: FakeDesk) -> list[tuple[Any, ...]]:
    """Replace every action by one that notes its name and arguments in `desk.calls`."""
    from kvdesk.session import actions, preset_actions, room_actions

    for room in (actions, preset_actions, room_actions):
        for name, action in vars(room).items():
            if callable(action) and getattr(action, "__module__", "") == room.__name__:
                monkeypatch.setattr(
                    room, name, lambda _desk, *args, name=name, **_: desk.calls.append((name, *args))
                )
    return desk.calls


def load_record(number: int = 1, failure: Failure | None = None, took_bytes: int = 7390 * MIB) -> LoadRecord:
    """A load of Qwen3-8B as the ledger has it."""
    planned = 7224 * MIB
    took = None if failure else took_bytes
    gpu = DeviceAccount(
        "CUDA0",
        "NVIDIA GeForce RTX 4060 Laptop GPU",
        "cuda",
        "580.95.05",
        7220 * MIB,
        planned,
        took,
        None if took is None else took - planned,
    )
    host = DeviceAccount(
        "CPU", "AMD Ryzen 7", "cpu", "", 96 * MIB, 96 * MIB, took and 91 * MIB, took and -5 * MIB
    )
    return LoadRecord(
        id=f"load-{number}",
        date=datetime(2026, 11, number, 14, 30, tzinfo=UTC),
        model=ModelIdentity("Qwen3-8B", "qwen3", 5_027_783_488, "16d0dba18abb228faa577e91"),
        options=Q8,
        library="0.3.36",
        build="CUDA : ARCHS = 890",
        program="0.1.0",
        system="Linux",
        buffers=(BufferAccount(Kind.K, "CUDA0", 1224 * MIB, 1224 * MIB, None if failure else 1224 * MIB),),
        devices=(gpu, host),
        process_bytes=None if failure else 900 * MIB,
        failure=failure,
    )


def ledger() -> tuple[LoadRecord, ...]:
    """Three loads, of which one failed."""
    failure = Failure("OutOfMemory", Phrase("CUDA0 has no room for 4,455 MiB of weights."))
    return (load_record(1), load_record(2, failure), load_record(3, took_bytes=7402 * MIB))


# ---------------------------------------------------------------------------------------------- Qwen3-8B

N_LAYER, KV_HEADS, HEAD = 36, 8, 128


def cache_bytes(name: str, cells: int) -> int:
    """One side of Qwen3-8B's cache: 36 layers of 8 heads of 128 values a cell."""
    return N_LAYER * cells * BY_NAME[name].row_bytes(KV_HEADS * HEAD)


def qwen_report(degree: Degree, options: LoadOptions = Q8) -> MemoryReport:
    """Memory of Qwen3-8B Q4_K_M on the laptop GPU."""
    cells = options.ctx_size
    measured = degree == "measurement"
    compute = 317 * MIB if options.cache_type_k != "f16" else 304 * MIB
    items = [
        Item(Kind.WEIGHTS, "CUDA0", 4455 * MIB, "exact", "36 layers and the output head, Q4_K_M"),
        Item(
            Kind.K,
            "CUDA0",
            cache_bytes(options.cache_type_k, cells),
            "exact",
            f"{cells:,} cells x 36 layers x 8 heads x 128 values, {options.cache_type_k}",
        ),
        Item(
            Kind.V,
            "CUDA0",
            cache_bytes(options.cache_type_v, cells),
            "exact",
            f"{cells:,} cells x 36 layers x 8 heads x 128 values, {options.cache_type_v}",
        ),
        Item(
            Kind.COMPUTE,
            "CUDA0",
            compute + (4 * MIB if degree != "estimate" else 0),
            "formula",
            "graph of a ubatch of 512 tokens; f16 scratch for quantised K and V 128 MiB",
        ),
        Item(Kind.WEIGHTS, "CPU", 333 * MIB, "exact", "token embeddings"),
        Item(Kind.COMPUTE, "CPU", 72 * MIB, "formula", "inputs of the graph"),
        Item(Kind.OUTPUT, "CPU", 593_920, "exact", "logits of one token"),
    ]
    if measured:
        items.append(Item(Kind.DEVICE_CONTEXT, "CUDA0", 166 * MIB, "table", "CUDA's own context"))
    return MemoryReport(degree, tuple(items), (GPU, HOST), 2.1)


def verdicts(bad_v: str = "", why: str = "") -> tuple[CacheTypeVerdict, ...]:
    return tuple(
        CacheTypeVerdict(row.name, True, row.name not in bad_v.split(), why if row.name in bad_v else "")
        for row in CACHE_TYPES
    )


QWEN = ModelCard(
    path="/home/ana/models/Qwen3-8B-Q4_K_M.gguf",
    name="Qwen3-8B",
    architecture="qwen3",
    is_verified=True,
    parameters=8_190_735_360,
    quantisation="Q4_K_M",
    n_ctx_train=40960,
    n_layer=N_LAYER,
    n_vocab=151936,
    file_bytes=5_027_783_488,
    anatomy="36 layers · GQA 32/8 heads · head 128",
    layers=tuple(LayerShape(i, "full", 32, 8, 128, 128, 1024, 1024) for i in range(N_LAYER)),
    cache_types=verdicts(),
    has_template=True,
)


def qwen_fits() -> tuple[PairFit, ...]:
    """Largest contexts in 7,326 MiB, by the same sums as the reports."""
    found = []
    room = (8054 - 512 - 4455 - 321 - 166) * MIB
    for k, v, kernel in (
        ("f16", "f16", "gpu"),
        ("q8_0", "q8_0", "gpu"),
        ("q8_0", "q5_1", "cpu"),
        ("q5_1", "q5_1", "cpu"),
        ("q8_0", "q4_0", "gpu"),
        ("q4_0", "q4_0", "gpu"),
    ):
        a_token = cache_bytes(k, 256) // 256 + cache_bytes(v, 256) // 256
        largest = room // a_token // 256 * 256
        found.append(
            PairFit(k, v, largest, 7000 * MIB, room - largest * a_token, kernel, a_token, "quality class A")
        )
    return tuple(found)


CHATS = (
    ChatSummary(1, "Reading the 2019 annual report", 1_795_000_000.0, 27310),
    ChatSummary(2, "Refactor the parser", 1_794_990_000.0, 8200),
    ChatSummary(3, "长文档翻译", 1_794_980_000.0, 12040),
    ChatSummary(4, "Kernel log triage", 1_794_400_000.0, 31200),
    ChatSummary(5, "Trip notes", 1_794_300_000.0, 2100),
)
FIGURES = TurnFigures(26244, 26206, 0, "", 212, 0.3, 4.435, "end")
CONVERSATION = Conversation(
    1,
    "Reading the 2019 annual report",
    (
        ChatMessage(
            1,
            "user",
            "Which of the risks in chapter 4 reappear in the notes to the accounts? Quote the sentences.",
        ),
        ChatMessage(
            2,
            "assistant",
            "Two of them reappear. The **currency exposure** of section 4.2 comes back in note 17, and the "
            "**supplier concentration** of 4.5 in note 23:\n\n"
            "- “A ten per cent movement in the dollar would change operating profit by 14.2 million.” "
            "(note 17)\n"
            "- “Three suppliers account for 61 per cent of components purchased.” (note 23)\n\n"
            "```\ncurrency:   4.2 → note 17   restated, with a figure\n"
            "suppliers:  4.5 → note 23   restated, share up from 58 %\n```",
            reasoning="The user asks for risks that reappear.",
            reasoning_s=6.0,
            figures=FIGURES,
        ),
        ChatMessage(3, "user", "And which of the risks are never mentioned again?"),
    ),
)


def qwen_opened() -> DeskState:
    """Header read, estimate and plan there, nothing loaded."""
    return DeskState(
        model=QWEN,
        options=Q8,
        estimate=qwen_report("estimate"),
        plan=qwen_report("plan"),
        plan_options=Q8,
        fits=qwen_fits(),
        max_ctx_size=qwen_fits()[1].max_ctx_size,
        devices=(GPU, HOST),
        engine=EngineState(phase=Phase.IDLE),
        chats=CHATS,
        chat=CONVERSATION,
        recent=(QWEN.path, "/home/ana/models/gemma-3-12b-it-Q4_K_M.gguf"),
    )


def qwen_loaded() -> DeskState:
    """Loaded with the options of the desk; the devices have what is loaded credited back."""
    return replace(
        qwen_opened(),
        measured=qwen_report("measurement"),
        engine=EngineState(
            phase=Phase.READY,
            loaded=LoadedModel(QWEN.path, Q8, 32768, True, True, 3.1),
            cache=CacheReport(cells_used=27310, n_ctx=32768, k_bytes=1224 * MIB, v_bytes=1224 * MIB),
        ),
        send_cost=SendCost(27310, 27310, 0),
    )


def qwen_streaming() -> DeskState:
    """An answer is being written."""
    state = qwen_loaded()
    return replace(
        state,
        engine=replace(state.engine, phase=Phase.DECODE, tokens_per_s=47.8),
        streaming=Streaming(
            1,
            "Three are not mentioned again anywhere in the document: the patent dispute of 4.3, the lease "
            "renewals of 4.6, and the",
            tokens=31,
        ),
    )


def qwen_over() -> DeskState:
    """More context than the GPU holds, in f16."""
    options = LoadOptions(ctx_size=40960)
    return replace(
        qwen_opened(),
        options=options,
        estimate=qwen_report("estimate", options),
        plan=qwen_report("plan", options),
        plan_options=options,
        max_ctx_size=qwen_fits()[0].max_ctx_size,
        advice=(
            Advice(
                (("cache_type_k", "q8_0"), ("cache_type_v", "q8_0")),
                2700 * MIB,
                200 * MIB,
                Phrase("Answers hardly change."),
            ),
            Advice((("ctx_size", 17920),), 2520 * MIB, MIB, Phrase("Conversations have less room.")),
            Advice(
                (("ubatch_size", 256),),
                133 * MIB,
                -900 * MIB,
                Phrase("Prompts are read more slowly."),
            ),
        ),
    )


def qwen_refused() -> DeskState:
    """A quantised V without flash attention, and a warning beside it."""
    options = msgspec.structs.replace(Q8, flash_attn="off", ubatch_size=4096)
    return replace(
        qwen_opened(),
        options=options,
        plan=None,
        refusals=(
            Refusal(
                "cache_type_v",
                "A quantised V cache needs flash attention.",
                "Set flash attention to auto or on, or V to f16.",
            ),
            Refusal("ubatch_size", "Larger than the batch; llama.cpp takes 2,048.", "", is_warning=True),
        ),
    )


ENDED = Notice(
    "The engine process was killed.",
    "Something outside ended it, often the system short of memory. Reload to go on; the chat is kept.",
    "exit status -9\nlast words:\nllama_context: n_ctx_seq = 32768",
)


def qwen_ended() -> DeskState:
    """The engine was killed in mid-answer."""
    state = qwen_loaded()
    return replace(
        state,
        measured=None,
        devices=(GPU, HOST),
        engine=EngineState(phase=Phase.ENDED, ended=ENDED),
    )


def two_gpus() -> DeskState:
    """The weights over two unlike GPUs, one of them too full."""
    big = Device("CUDA0", "gpu", "cuda", 24564 * MIB, 23800 * MIB, "NVIDIA GeForce RTX 4090")
    small = Device("CUDA1", "gpu", "cuda", 8188 * MIB, 3100 * MIB, "NVIDIA GeForce RTX 4060 Laptop GPU")

    def report(degree: Degree) -> MemoryReport:
        items = [
            Item(kind, device, size * MIB, "exact", "")
            for device, sizes in (("CUDA0", (2970, 816, 816, 317)), ("CUDA1", (1485, 408, 408, 1200)))
            for kind, size in zip((Kind.WEIGHTS, Kind.K, Kind.V, Kind.COMPUTE), sizes, strict=True)
        ]
        items.append(Item(Kind.RECURRENT, "CUDA0", 48 * MIB, "exact", "state of one sequence"))
        items.append(Item(Kind.WEIGHTS, "CPU", 333 * MIB, "exact", "token embeddings"))
        return MemoryReport(degree, tuple(items), (big, small, HOST))

    return replace(
        qwen_opened(), devices=(big, small, HOST), estimate=report("estimate"), plan=report("plan"), fits=()
    )


# ------------------------------------------------------------------------------------------------- demo

DEMO_OPTIONS = LoadOptions(ctx_size=4096)


def demo_opened() -> DeskState:
    """The built-in model on a machine without a GPU."""

    def report(degree: Degree) -> MemoryReport:
        items = (
            Item(Kind.WEIGHTS, "CPU", 10_240_000, "exact", "6 layers, f16"),
            Item(Kind.K, "CPU", 6 * MIB, "exact", "4,096 cells"),
            Item(Kind.V, "CPU", 6 * MIB, "exact", "4,096 cells"),
            Item(Kind.COMPUTE, "CPU", 9 * MIB, "formula", "graph of a ubatch of 512 tokens"),
            Item(Kind.OUTPUT, "CPU", 8192, "exact", "logits of one token"),
        )
        return MemoryReport(degree, items, (HOST,), 0.4)

    card = replace(
        QWEN,
        path="/opt/kvdesk/demo.f16.gguf",
        name="KV Desk demo",
        architecture="llama",
        parameters=4_980_000,
        quantisation="F16",
        n_ctx_train=4096,
        file_bytes=10_400_000,
        anatomy="6 layers · MHA 4 heads · head 64",
        is_verified=False,
        cache_types=verdicts("q8_0 q5_1", "A row of 48 values is not a multiple of the block of 32."),
    )
    return DeskState(
        model=card,
        options=DEMO_OPTIONS,
        estimate=report("estimate"),
        plan=report("plan"),
        plan_options=DEMO_OPTIONS,
        devices=(HOST,),
        engine=EngineState(phase=Phase.IDLE),
        max_ctx_size=1_048_576,
    )


def fill_history(history: History, state: DeskState, seconds: int = 150, start_s: float = 0) -> None:
    """Two samples a second of a load, a first long turn and two short ones."""
    idle = replace(state.engine, phase=Phase.READY, cache=None, loaded=None)
    history.mark(24.0, "load", "Qwen3-8B loaded")
    cells, rng = 0, random.Random(7)
    for half_second in range(seconds * 2):
        t = half_second / 2
        engine, used = idle, 1340 * MIB
        if t >= 24:
            used = 7352 * MIB + rng.randint(-2, 3) * MIB
            engine = replace(state.engine, phase=Phase.READY)
            for start, reading_s, new in ((34, 22, 19610), (80, 3, 2400), (118, 2, 1900)):
                if t == start:
                    history.mark(t, "turn", "turn")
                if start <= t < start + reading_s:
                    engine = replace(engine, phase=Phase.PREFILL, tokens_per_s=870 + rng.gauss(0, 20))
                    cells += int(new / reading_s / 2)
                elif start + reading_s <= t < start + reading_s + 18:
                    speed = 47.8 - cells / 9000 + rng.gauss(0, 0.6)
                    engine = replace(engine, phase=Phase.DECODE, tokens_per_s=speed)
                    cells += 24
            cache = CacheReport(cells_used=cells, n_ctx=32768, k_bytes=0, v_bytes=0)
            engine = replace(engine, cache=cache)
        sample = Sample(start_s + t, HostSample(process_bytes=used // 8))
        busy = engine.phase in (Phase.PREFILL, Phase.DECODE)
        reading = DeviceSample(
            "nvidia",
            0,
            "RTX 4060 Laptop",
            used_bytes=used,
            process_bytes=max(used - 1340 * MIB, 0),
            power_w=78.0 if busy else 14.0,
            temperature_c=67.0 if busy else 48.0,
        )
        history.add(sample, replace(state, engine=engine), {"CUDA0": reading})
