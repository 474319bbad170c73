"""Why the engine failed, in words: a table of what llama.cpp and the system print, and what it means."""

import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from kvdesk.engine.protocol import EngineExited, ExitCause
from kvdesk.errors import (
    Corrupt,
    EngineError,
    GgufError,
    KvDeskError,
    OptionError,
    OutOfMemory,
    StartFailed,
    Truncated,
)
from kvdesk.gguf.open import open_model
from kvdesk.phrases import Phrase
from kvdesk.units import MIB, format_bytes

LAST_WORDS = 20  # lines of stderr that can belong to the end; further up stand earlier, survived failures
RELOAD = Phrase("Load the model again.")
SET_UP = Phrase("Run the set-up script again.")
SMALLER = Phrase("Choose a smaller context, quantised K and V, fewer GPU layers or a smaller ubatch.")
SMALLER_MODEL = Phrase("Choose a smaller model or quantisation, or fewer GPU layers.")

# What a failed allocation prints, those lines first that name the buffer; sizes are in bytes or MiB.
_ALLOCATIONS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"failed to allocate (?P<where>\S+) buffer of size (?P<size>\d+)"), 1),
    (re.compile(r"allocating (?P<size>[\d.]+) MiB on (?P<where>device \d+): \w+ failed: out of memory"), MIB),
    (re.compile(r"failed to allocate (?P<where>output) buffer of size (?P<size>[\d.]+) MiB"), MIB),
    (re.compile(r"(?P<where>Device) memory allocation of size (?P<size>\d+) failed"), 1),
    (re.compile(r"failed to allocate (?P<where>buffer), size = *(?P<size>[\d.]+) MiB"), MIB),
    (re.compile(r"failed to allocate (?P<where>buffer) of size (?P<size>\d+)"), 1),
)
# What the memory was for, from the line that gives up.
_PURPOSES = (
    ("buffer for kv cache", Phrase("the K and V cache")),
    ("buffer for rs cache", Phrase("the recurrent state")),
    ("compressor state", Phrase("the compressor state")),
    ("compute pp buffers", Phrase("the compute buffer")),
    ("compute tg buffers", Phrase("the compute buffer")),
    ("compute buffers", Phrase("the compute buffer")),
    ("output buffer", Phrase("the output buffer")),
    ("unable to allocate", Phrase("the weights")),
    ("mmap failed", Phrase("the mapped file")),
    # No C++ code below llama_decode catches it: what is allocated there is the CPU's work buffer.
    ("what():  std::bad_alloc", Phrase("the computation")),
)
_OF_THE_FILE = frozenset({"the weights", "the mapped file"})
_ABORT = re.compile(r"(?:\.(?:c|cpp|cu|cuh|m|h|hpp):\d+: |^ *what\(\): +)(.+)")
_WINDOWS_ENDINGS = {  # NTSTATUS values that a process exits with
    0xC0000005: "access violation",
    0xC0000017: "no memory",
    0xC00000FD: "stack overflow",
    0xC0000409: "SIGABRT",  # how abort() ends there
}
_MEMORY_WORDS = re.compile(
    r"[Ff]ailed to allocate|unable to allocate|out of memory|bad_alloc|Cannot allocate memory|MemoryError"
    r"|failed to map segment"  # ld.so, of a library that is loaded only when it is needed
)
# How ggml names the devices of an RPC server, and the server that it could not reach.
_RPC_BUFFER = re.compile(r"\bRPC\d+\[([^\]]+)\]")
_RPC_LOST = re.compile(r"(?:Failed to connect to|RPC handshake failed for) (\S+)")
_RPC_SIGN = "Remote RPC server crashed"


def load_error(path: str, lines: Sequence[str]) -> KvDeskError:
    """Name why llama_model_load_from_file gave nothing back."""
    name = Path(path).name
    if out_of_memory := _out_of_memory(lines):
        return out_of_memory
    text = "\n".join(lines)
    if match := re.search(r"unknown model architecture: '([^']*)'", text):
        return StartFailed(
            "This llama.cpp does not know the architecture “{architecture}”.",
            "Update the program: its next release may bring a llama.cpp that does.",
            architecture=match[1],
        )
    if match := re.search(
        r"failed to open (?:GGUF file )?.*?\(?(No such file[^)\n]*|Permission denied|[^:(\n]*)\)?$",
        text,
        re.M,
    ):
        return GgufError("{name} cannot be opened: {reason}.", "Check the path.", name=name, reason=match[1])
    if "data is not within the file bounds" in text or "unexpectedly reached end of file" in text:
        return Truncated("{name} is cut short: tensors lie beyond its end.", "Download it again.", name=name)
    reason = _last_reason(lines, "error loading model: ")
    if re.search(r"missing tensor '|tensor '[^']*' not found|wrong number of tensors", text):
        return Corrupt(
            "{name} lacks tensors its architecture needs ({reason}).",
            "The file is incomplete or of another version; download it again.",
            name=name,
            reason=reason,
        )
    if "failed to load model from" in text or "failed to read" in text or "gguf_init" in text:
        try:
            open_model(path)  # our own reader says what is wrong with a header, and where
        except GgufError as error:
            return error
        return Corrupt("{name} is damaged: {reason}", "Download it again.", name=name, reason=reason)
    return StartFailed("llama.cpp cannot load {name}: {reason}", "", name=name, reason=reason)


def context_error(lines: Sequence[str]) -> KvDeskError:
    """Name why llama_init_from_model gave nothing back."""
    if out_of_memory := _out_of_memory(lines):
        return out_of_memory
    text = "\n".join(lines)
    if "quantized V cache" in text:
        return OptionError(
            "A quantised V cache needs flash attention.",
            "Turn flash attention on (-fa on), or take V as f16.",
        )
    if match := re.search(r"([KV]) cache type (\S+) with block size (\d+) does not divide \S+=(\d+)", text):
        return OptionError(
            "{side} as {type} needs heads that are a multiple of {block}; this model's have {head}.",
            "Take f16, bf16 or f32 for it, or turn flash attention off for K.",
            side=match[1],
            type=match[2],
            block=match[3],
            head=match[4],
        )
    if "does not support different K" in text:
        return OptionError("This model needs the same type for K and V.", "Choose one type for both.")
    if "requires flash_attn to be enabled" in text:
        return OptionError("Split mode tensor needs flash attention.", "Turn flash attention on (-fa on).")
    reason = _last_reason(lines, "failed to initialize the context: ")
    return EngineError("llama.cpp cannot make a context: {reason}", "", reason=reason)


def decode_error(status: int, n_tokens: int, lines: Sequence[str] = ()) -> KvDeskError:
    """Name a return value of llama_decode (llama.h); `lines` are what it logged."""
    if status == 1:
        return EngineError("The cache has no room for {n} more tokens.", "Take a larger context.", n=n_tokens)
    if status == -2:
        return _shortage(lines, Phrase("the computation"))
    return EngineError(
        "llama.cpp could not evaluate {n} tokens (status {status}).", "", n=n_tokens, status=status
    )


def unexpected(error: Exception) -> KvDeskError:
    """Name what nobody foresaw inside the engine; it can be memory for one of our own libraries."""
    if isinstance(error, MemoryError) or _MEMORY_WORDS.search(str(error)):
        return OutOfMemory("The engine's own memory ran out.", SMALLER)
    return EngineError("Something went wrong inside the engine: {error}", error=repr(error))


def exited(
    exit_code: int,
    stderr: Sequence[str],
    *,
    verdict: ExitCause | None = None,
    said_hello: bool = True,
    answers: Callable[[str], bool] = lambda _: True,
) -> EngineExited:
    """Name the end of the process. `verdict` is why it was ended, when its own program did that; `answers`
    says whether an RPC server, "host:port", can be reached.
    """
    cause, message, hint = _cause_of(exit_code, stderr, verdict, said_hello, answers)
    return EngineExited(
        cause=cause, message=message, hint=hint, exit_code=exit_code, stderr_tail=tuple(stderr)
    )


def _cause_of(
    exit_code: int,
    stderr: Sequence[str],
    verdict: ExitCause | None,
    said_hello: bool,
    answers: Callable[[str], bool],
) -> tuple[ExitCause, Phrase, Phrase]:
    ending = _name_of_ending(exit_code)
    last_words = stderr[-LAST_WORDS:]
    if verdict == "quit" or (exit_code == 0 and said_hello):
        return "quit", Phrase("The engine was ended."), Phrase("")
    if verdict == "not_responding":
        return "not_responding", Phrase("The engine stopped answering and was ended."), RELOAD
    if verdict == "start_failed" or not (said_hello or ending == "SIGKILL"):
        reason = _last_line(stderr)
        return "start_failed", Phrase("The engine did not start: {reason}", reason=reason), SET_UP
    if ending == "SIGKILL":
        hint = Phrase(
            "Something ended it from outside; when memory is short, the system does that by itself."
        )
        return "killed", Phrase("The engine was killed (SIGKILL)."), hint
    if ending in ("SIGTERM", "SIGINT", "SIGHUP"):
        return "killed", Phrase("The engine was ended from outside ({ending}).", ending=ending), RELOAD
    if out_of_memory := _out_of_memory(last_words):
        return "out_of_memory", out_of_memory.message, out_of_memory.hint
    if lost := _lost_server(stderr, last_words, answers):
        return "aborted", lost, Phrase("Start it again, then load again; the chat is kept.")
    if complaint := _complaint(last_words):
        return (
            "aborted",
            Phrase("llama.cpp aborted: {reason}", reason=complaint),
            Phrase("Load again with other options; the chat is kept."),
        )
    if ending == "SIGABRT":
        return "aborted", Phrase("llama.cpp aborted: {reason}", reason=_last_line(stderr)), RELOAD
    if ending == "SIGBUS":  # what a mapped page gives that its file no longer has
        message = Phrase(
            "A file that the engine was reading was cut short, or its disk is gone ({ending}).", ending=ending
        )
        return "crashed", message, Phrase("Check the model's file, then load it again; the chat is kept.")
    crashed = Phrase("The engine crashed ({ending}): {reason}", ending=ending, reason=_last_line(stderr))
    return "crashed", crashed, RELOAD


def _out_of_memory(lines: Sequence[str]) -> OutOfMemory | None:
    return _shortage(lines) if any(_MEMORY_WORDS.search(line) for line in lines) else None


def _shortage(lines: Sequence[str], purpose: Phrase = Phrase("a buffer")) -> OutOfMemory:  # noqa: B008 - immutable
    """Name what there was no memory for; `purpose` is said where the lines do not tell."""
    failures = [line for line in lines if _MEMORY_WORDS.search(line)]
    purpose = next((words for sign, words in _PURPOSES if any(sign in line for line in failures)), purpose)
    hint = SMALLER_MODEL if purpose in _OF_THE_FILE else SMALLER
    for pattern, unit in _ALLOCATIONS:
        for line in lines:
            if match := pattern.search(line):
                return OutOfMemory(
                    "Not enough memory for {purpose}: {size} could not be allocated ({where}).",
                    hint,
                    purpose=purpose,
                    size=format_bytes(int(float(match["size"]) * unit)),
                    where=match["where"],
                )
    return OutOfMemory("Not enough memory for {purpose}.", hint, purpose=purpose)


def _lost_server(
    stderr: Sequence[str], last_words: Sequence[str], answers: Callable[[str], bool]
) -> Phrase | None:
    """Name the RPC server that is gone. Where one ends under way ggml does not say which: they are asked."""
    lost = next((match[1] for line in reversed(last_words) if (match := _RPC_LOST.search(line))), "")
    if not lost and not any(_RPC_SIGN in line for line in last_words):
        return None
    known = dict.fromkeys(match for line in stderr for match in _RPC_BUFFER.findall(line))
    lost = lost or next((server for server in known if not answers(server)), "")
    if lost:
        return Phrase("The RPC server {server} is gone: it ended, or it cannot be reached.", server=lost)
    return Phrase("An RPC server ended or answered nonsense.")


def _complaint(lines: Sequence[str]) -> str:
    """What ggml_abort or the C++ runtime printed before it ended the process."""
    return next((match[1].strip() for line in reversed(lines) if (match := _ABORT.search(line))), "")


def _last_reason(lines: Sequence[str], marker: str) -> str:
    """What stands behind the marker in its last line, or the last line."""
    return next((line.split(marker, 1)[1] for line in reversed(lines) if marker in line), _last_line(lines))


def _last_line(lines: Sequence[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), Phrase("it printed nothing"))


def _name_of_ending(exit_code: int) -> str:
    """ "SIGSEGV", "access violation" or "status 3"; POSIX gives signals as negative codes."""
    if exit_code >= 0:
        return _WINDOWS_ENDINGS.get(exit_code, f"status {exit_code}")
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"
