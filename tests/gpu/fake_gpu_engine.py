"""An engine process with a GPU that is not there: it keeps to the protocol, and its memory is a number.

    python -m tests.gpu.fake_gpu_engine FOLDER CONTEXT_BYTES [BEHAVIOUR]

What it holds on the GPU it writes into FOLDER under its process's number, where a fake NVML reads it. Loads
take what the arithmetic says. BEHAVIOUR "aborts" ends it during the first load.
"""

import os
import sys
from pathlib import Path

from kvdesk.engine.protocol import (
    PROTOCOL_VERSION,
    CacheReport,
    Chat,
    CountTokens,
    DevicesListed,
    DryRun,
    Event,
    Hello,
    KernelAnswer,
    KernelsProbed,
    ListDevices,
    Load,
    Loaded,
    Planned,
    ProbeKernels,
    Quit,
    TokensCounted,
    TurnDone,
    decode_command,
    encode,
)
from kvdesk.gguf.open import open_model
from kvdesk.memory.cache_types import CACHE_TYPES
from kvdesk.memory.estimate import estimate
from kvdesk.memory.families import shape_of
from kvdesk.memory.report import HOST, TOTAL_KINDS, Degree, Device, MemoryReport
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions

GPU = "NVIDIA GeForce RTX 4060 Laptop GPU"
TOTAL_BYTES = 8 * 2**30
WORKSPACE_BYTES = 32 * 2**20  # what the first computation takes


class Engine:
    """Answers commands; `held` is its file of bytes held on the GPU."""

    def __init__(self, folder: Path, context_bytes: int, behaviour: str) -> None:
        self.held = folder / str(os.getpid())
        self.context_bytes = context_bytes
        self.behaviour = behaviour
        self.loaded_bytes = 0
        self.workspace_bytes = 0

    def hold(self) -> None:
        """Write down what is held now; seen whole or not at all."""
        n_bytes = self.context_bytes + self.loaded_bytes + self.workspace_bytes
        unfinished = self.held.with_suffix(".part")
        unfinished.write_text(str(n_bytes), "utf-8")
        unfinished.replace(self.held)

    def devices(self) -> tuple[Device, ...]:
        """The GPU and the host. Looking at the GPU is what makes the driver's context."""
        self.hold()
        free = TOTAL_BYTES - sum(int(path.read_text("utf-8")) for path in self.held.parent.glob("*[0-9]"))
        return Device("CUDA0", "gpu", "cuda", TOTAL_BYTES, free, GPU), HOST

    def report(self, path: str, options: LoadOptions, degree: Degree) -> MemoryReport:
        """What the arithmetic says of llama.cpp's own buffers."""
        shape = shape_of(open_model(path))
        report = estimate(shape, configure(options, shape, self.devices()))
        items = tuple(item for item in report.items if item.kind in TOTAL_KINDS)
        return MemoryReport(degree, items, report.devices)

    def answer(self, command: object) -> Event:
        """The final event of a command."""
        match command:
            case ListDevices():
                return DevicesListed(id=command.id, devices=self.devices())
            case ProbeKernels():
                pairs = [(k.name, v.name) for k in CACHE_TYPES for v in CACHE_TYPES]
                answers = tuple(KernelAnswer("CUDA0", k, v, k == v != "iq4_nl") for k, v in pairs)
                return KernelsProbed(id=command.id, answers=answers)
            case DryRun():
                report = self.report(command.model, command.options, "plan")
                return Planned(id=command.id, report=report, options=command.options, n_ctx_seq=8192)
            case Load():
                return self.load(command)
            case CountTokens():
                words = command.messages[0].content.count("the")
                return TokensCounted(prompt_tokens=words + 10, reused_tokens=0, new_tokens=0, id=command.id)
            case Chat():
                self.workspace_bytes = WORKSPACE_BYTES
                self.hold()
                return _turn(command)
            case _:
                raise AssertionError(command)

    def load(self, command: Load) -> Loaded:
        """Take the memory."""
        if self.behaviour == "aborts":
            os.write(2, b"CUDA error: out of memory\n")
            os.abort()
        report = self.report(command.model, command.options, "measurement")
        self.loaded_bytes = report.bytes_of(device="CUDA0")
        self.hold()
        return Loaded(
            id=command.id,
            model=command.model,
            description="",
            report=report,
            options=command.options,
            n_ctx_seq=8192,
            n_vocab=1,
            flash_attn=True,
            has_template=True,
            can_shift=True,
            process_bytes=0,
            elapsed_s=0.0,
        )


def _turn(command: Chat) -> TurnDone:
    words = command.messages[0].content.count("the")
    return TurnDone(
        id=command.id,
        text="",
        reasoning="",
        prompt_tokens=words + 10,
        reused_tokens=10,
        reread_tokens=0,
        reread_reason="",
        completion_tokens=command.sampling.max_tokens,
        prefill_s=0.5,
        decode_s=0.25,
        stop_reason="length",
        cache=CacheReport(cells_used=words, n_ctx=8192, k_bytes=0, v_bytes=0),
    )


def main() -> None:
    """Serve until told to quit."""
    folder, context_bytes, *behaviour = sys.argv[1:]
    engine = Engine(Path(folder), int(context_bytes), "".join(behaviour))
    hello = Hello(
        protocol=PROTOCOL_VERSION,
        kvdesk="0",
        llama_cpp_python="0",
        build="",
        pid=os.getpid(),
        can_offload=True,
        has_rpc=False,
    )
    os.write(1, encode(hello))
    for line in sys.stdin.buffer:
        command = decode_command(line)
        if isinstance(command, Quit):
            break
        os.write(1, encode(engine.answer(command)))
    engine.held.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
