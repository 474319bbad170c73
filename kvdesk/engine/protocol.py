"""What the window and the engine process say to each other: one JSON message a line.

Commands go to the engine's standard input, events come from its standard output. Every command has an `id`
that the events it causes repeat. The first event is `Hello`; the client adds `EngineExited` as the last.
Long commands (load, chat) answer with any number of progress events and end with exactly one of their final
event, `Failed` or `CancelledEvent`. Times are in seconds (`_s`) or milliseconds (`_ms`), sizes in bytes.
"""

from typing import Literal

import msgspec

from kvdesk.memory.report import Device, MemoryReport
from kvdesk.phrases import Phrase, from_wire, to_wire
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling

PROTOCOL_VERSION = 2

Role = Literal["system", "user", "assistant"]
StopReason = Literal["end", "stop_string", "length", "context_full", "cancelled"]
# Why tokens that had been in the cache were evaluated again; "" when none were.
RereadReason = Literal[
    "",
    "first_turn",
    "history_changed",
    "reasoning_dropped",
    "window_passed",
    "cannot_rewind",
    "model_reloaded",
    "other_chat",  # another conversation took the cache in between
    "template_rewrote",  # same messages, but the template writes earlier ones differently now
    "context_shifted",  # messages were dropped, and this cache could not be moved together
    "options_changed",  # the cache was made anew and its contents could not be carried over
]
Overflow = Literal["stop", "roll"]
StateRoute = Literal["device", "memory", "disk"]  # where a cache's contents rested in between


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation as the template sees it. `reasoning` is what stood in <think>."""

    role: Role
    content: str
    reasoning: str = ""
    is_pinned: bool = False  # never dropped when the context overflows


# ---------------------------------------------------------------------------------------------- commands


class _Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", forbid_unknown_fields=True):
    id: int


class ListDevices(_Command, frozen=True, tag="list_devices"):
    """Ask for the devices that ggml sees. Answer: `DevicesListed`."""

    rpc: tuple[str, ...] = ()


class DryRun(_Command, frozen=True, tag="dry_run"):
    """Ask llama.cpp what it would allocate. Answer: `Planned`. The model's metadata stays open."""

    model: str
    options: LoadOptions


class ProbeKernels(_Command, frozen=True, tag="probe_kernels"):
    """Ask which (K, V) pairs have a flash-attention kernel for these heads. Answer: `KernelsProbed`."""

    head_dims: tuple[tuple[int, int], ...]  # (key length, value length) of every kind of layer
    head_count: int
    head_count_kv: int
    rpc: tuple[str, ...] = ()


class Load(_Command, frozen=True, tag="load"):
    """Load a model, replacing the loaded one. Answers: `LoadProgress`..., then `Loaded`.

    `known_threads` answer fastest on this machine, where `options` leave their number open; 0: find it out.
    """

    model: str
    options: LoadOptions
    known_threads: int = 0


class Chat(_Command, frozen=True, tag="chat"):
    """Answer the conversation. Answers: `PrefillProgress`, `TextPiece`..., then `TurnDone`.

    `chat` names the conversation, so that the engine can tell another conversation from a changed history.
    With `overflow` "roll" the oldest messages that are neither pinned nor the system's are left out when the
    context is full, about a quarter of it at once; `MessagesDropped` tells which. With `may_shift` what is
    after a gap in the conversation is moved together in the cache instead of being read again: quick, but
    not the same as never said, since the tokens after the gap had seen it.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    stop: tuple[str, ...] = ()
    chat: str = ""
    overflow: Overflow = "stop"
    may_shift: bool = False


class CountTokens(_Command, frozen=True, tag="count_tokens"):
    """Ask what sending these messages would cost. Answer: `TokensCounted`."""

    messages: tuple[Message, ...]
    chat: str = ""


class Rebuild(_Command, frozen=True, tag="rebuild"):
    """Give the loaded model another context, keeping what the cache holds. Answers: `RebuildProgress`...,
    then `Rebuilt`.

    `options` may differ from the loaded ones in what a context decides: its size, the cache types, batches,
    flash attention, sliding windows in full, threads. `route` says where the contents rest: "device" holds
    both contexts at once, "memory" and "disk" free the old one first; `folder` is for "disk".
    """

    options: LoadOptions
    route: StateRoute = "device"
    folder: str = ""


class Park(_Command, frozen=True, tag="park"):
    """Write a conversation's cache to a file. Answer: `Parked`. The cache stays as it is."""

    chat: str
    path: str


class Resume(_Command, frozen=True, tag="resume"):
    """Take a conversation's cache from a file. Answer: `Resumed`; `Failed` when it does not match."""

    chat: str
    path: str


class Rehearse(_Command, frozen=True, tag="rehearse"):
    """Fill the context to its end, write, and do it again. Answers: `RehearsalProgress`..., then `Rehearsed`.

    What the cache holds is kept aside in host memory meanwhile and put back.
    """


class Tokenize(_Command, frozen=True, tag="tokenize"):
    """Ask for the tokens of a text. Answer: `Tokenized`."""

    text: str
    add_special: bool = False


class Complete(_Command, frozen=True, tag="complete"):
    """Go on with a text as it stands, with no template. Answers are those of `Chat`."""

    prompt: str
    sampling: Sampling = Sampling()
    stop: tuple[str, ...] = ()
    chat: str = ""


class AskCache(_Command, frozen=True, tag="ask_cache"):
    """Ask for the state of the cache. Answer: `CacheReport`."""


class Cancel(_Command, frozen=True, tag="cancel"):
    """Stop the command whose id is `target`; it then ends with `CancelledEvent` or a cancelled `TurnDone`."""

    target: int


class Unload(_Command, frozen=True, tag="unload"):
    """Free the model. Answer: `Unloaded`."""


class Quit(_Command, frozen=True, tag="quit"):
    """End the process. Closing its standard input does the same."""


Command = (
    ListDevices
    | DryRun
    | ProbeKernels
    | Load
    | Chat
    | Complete
    | CountTokens
    | Tokenize
    | Rebuild
    | Park
    | Resume
    | Rehearse
    | AskCache
    | Cancel
    | Unload
    | Quit
)

# ------------------------------------------------------------------------------------------------ events


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    id: int = 0


class Hello(_Event, frozen=True, tag="hello"):
    """The engine is up. `build` is llama.cpp's system information line."""

    protocol: int
    kvdesk: str
    llama_cpp_python: str
    build: str
    pid: int
    can_offload: bool
    has_rpc: bool


class DevicesListed(_Event, frozen=True, tag="devices"):
    """The devices that ggml sees, the host last."""

    devices: tuple[Device, ...]


class Planned(_Event, frozen=True, tag="planned"):
    """What llama.cpp would allocate. `options` are those asked for after llama.cpp's normalisation."""

    report: MemoryReport
    options: LoadOptions
    n_ctx_seq: int
    notes: tuple[str, ...] = ()  # what could not be read exactly on this platform


class KernelAnswer(msgspec.Struct, frozen=True):
    """Whether one device computes flash attention itself for one pair of cache types."""

    device: str
    cache_type_k: str
    cache_type_v: str
    supported: bool


class KernelsProbed(_Event, frozen=True, tag="kernels"):
    """Answers for every device and pair."""

    answers: tuple[KernelAnswer, ...]


class LoadProgress(_Event, frozen=True, tag="load_progress"):
    """How far the load is. `fraction` runs from 0 to 1 over the weights."""

    fraction: float
    stage: Literal["weights", "context"]


class ThreadPace(msgspec.Struct, frozen=True):
    """How fast an answer comes with so many CPU threads."""

    threads: int
    tokens_per_s: float


class Loaded(_Event, frozen=True, tag="loaded"):
    """The model is ready. `report` has degree "measurement".

    `threads` answer. They were chosen by `thread_paces` where these are not empty.
    """

    model: str
    description: str
    report: MemoryReport
    options: LoadOptions  # as llama.cpp normalised them
    n_ctx_seq: int
    n_vocab: int
    flash_attn: bool
    has_template: bool
    can_shift: bool
    process_bytes: int  # resident memory of the engine process
    elapsed_s: float
    notes: tuple[str, ...] = ()
    base_private_bytes: int | None = None  # what the process held before, mapped files aside
    threads: int = 0
    thread_paces: tuple[ThreadPace, ...] = ()


class PrefillProgress(_Event, frozen=True, tag="prefill_progress"):
    """The prompt is being read: `done_tokens` of `total_tokens`, of which `reused_tokens` were cached."""

    done_tokens: int
    total_tokens: int
    reused_tokens: int
    elapsed_s: float


class TextPiece(_Event, frozen=True, tag="text"):
    """Some of the answer. Several tokens may arrive in one piece; no character is ever split."""

    text: str
    tokens: int
    is_reasoning: bool = False
    decode_tokens_per_s: float = 0.0


class MessagesDropped(_Event, frozen=True, tag="dropped"):
    """Messages left out of the context from now on. `places` count in the command's messages.

    `is_shifted`: what came after them was moved together in the cache; else it is read again.
    """

    places: tuple[int, ...]
    tokens: int
    is_shifted: bool
    why: Phrase = Phrase("")  # why the cache could not be shifted


class CacheReport(_Event, frozen=True, tag="cache"):
    """How full the cache is. `cells_used` counts positions held for the conversation."""

    cells_used: int
    n_ctx: int
    k_bytes: int
    v_bytes: int
    chat: str = ""
    checkpoint_bytes: int = 0  # in host memory, of what the model cannot rewind
    shelf_bytes: int = 0  # in host memory, of conversations that are not in the cache now


class TurnDone(_Event, frozen=True, tag="turn"):
    """The answer is complete. The prompt is what was reused and what was evaluated.

    `reread_tokens` counts the evaluated tokens that an earlier turn had already had in the cache.
    """

    text: str
    reasoning: str
    prompt_tokens: int
    reused_tokens: int
    reread_tokens: int
    reread_reason: RereadReason
    completion_tokens: int
    prefill_s: float
    decode_s: float
    stop_reason: StopReason
    cache: CacheReport
    reasoning_s: float = 0.0
    dropped: tuple[int, ...] = ()  # places of messages that this turn left out of the context
    shifted_tokens: int = 0  # reused after having been moved in the cache
    restored_from: Literal["", "checkpoint", "shelf"] = ""  # what spared a re-read
    changed_message: int | None = None  # place of the first message that is another than last time


class TokensCounted(_Event, frozen=True, tag="tokens_counted"):
    """What a send would cost: the whole prompt, what the cache already has, what is new.

    `message_tokens` are those of each of the command's messages, with what the template writes around it;
    together they are the prompt, but for what begins the answer. `shift_obstacle` says why what follows a gap
    in the conversation cannot be moved together in the cache; empty where it can. `drops_reasoning`: the
    template leaves the reasoning of earlier answers out, so that each answer with one is read again.
    """

    prompt_tokens: int
    reused_tokens: int
    new_tokens: int
    message_tokens: tuple[int, ...] = ()
    shift_obstacle: Phrase = Phrase("")
    drops_reasoning: bool = False


class Tokenized(_Event, frozen=True, tag="tokenized"):
    """The tokens of a text."""

    tokens: tuple[int, ...]


class RebuildProgress(_Event, frozen=True, tag="rebuild_progress"):
    """How far a rebuild is; `fraction` runs from 0 to 1 over each stage."""

    stage: Literal["saving", "context", "converting", "restoring", "checking", "reading"]
    fraction: float


class Rebuilt(_Event, frozen=True, tag="rebuilt"):
    """The model has another context. `report` has degree "measurement".

    `how`: the contents were copied, converted to other types, read again (`why` says why), or there were
    none. `divergence` is the Kullback-Leibler divergence of the next token's scores from those before.
    """

    report: MemoryReport
    options: LoadOptions  # as llama.cpp normalised them
    n_ctx_seq: int
    flash_attn: bool
    can_shift: bool
    how: Literal["copied", "converted", "reread", "empty"]
    route: StateRoute
    kept_tokens: int
    state_bytes: int
    elapsed_s: float
    copy_s: float  # of this, moving and converting the contents
    divergence: float | None = None
    why: Phrase = Phrase("")


class Parked(_Event, frozen=True, tag="parked"):
    """A conversation's cache is in a file, whole and synced."""

    chat: str
    path: str
    n_bytes: int
    tokens: int
    elapsed_s: float


class Resumed(_Event, frozen=True, tag="resumed"):
    """A conversation's cache came back from a file and predicts what it predicted."""

    chat: str
    tokens: int
    elapsed_s: float


class SpeedAtDepth(msgspec.Struct, frozen=True):
    """Tokens a second when `depth` tokens are in the cache already."""

    depth: int
    prefill_tokens_per_s: float
    decode_tokens_per_s: float | None = None


class HighWater(msgspec.Struct, frozen=True):
    """The most that a device had in use."""

    device: str
    used_bytes: int
    free_bytes: int


class RehearsalProgress(_Event, frozen=True, tag="rehearsal_progress"):
    """How far a rehearsal is."""

    round: int
    rounds: int
    done_tokens: int
    total_tokens: int
    left_s: float | None


class Rehearsed(_Event, frozen=True, tag="rehearsed"):
    """The context was filled to its end, each round."""

    n_tokens: int
    rounds: int
    high_water: tuple[HighWater, ...]
    process_bytes: int  # the most the engine process had resident
    speeds: tuple[SpeedAtDepth, ...]
    elapsed_s: float


class Unloaded(_Event, frozen=True, tag="unloaded"):
    """The model is gone and its memory free."""


class CancelledEvent(_Event, frozen=True, tag="cancelled"):
    """The command with this id was stopped at the user's wish."""


class Failed(_Event, frozen=True, tag="failed"):
    """The command with this id failed; `kind` is a class name of `kvdesk.errors`."""

    kind: str
    message: Phrase
    hint: Phrase = Phrase("")


ExitCause = Literal["quit", "killed", "out_of_memory", "aborted", "crashed", "start_failed", "not_responding"]


class EngineExited(_Event, frozen=True, tag="exited"):
    """Always the last event, made by the client: why the process ended, in words."""

    cause: ExitCause
    message: Phrase
    hint: Phrase = Phrase("")
    exit_code: int | None = None
    stderr_tail: tuple[str, ...] = ()


Event = (
    Hello
    | DevicesListed
    | Planned
    | KernelsProbed
    | LoadProgress
    | Loaded
    | PrefillProgress
    | TextPiece
    | MessagesDropped
    | CacheReport
    | TurnDone
    | TokensCounted
    | Tokenized
    | RebuildProgress
    | Rebuilt
    | Parked
    | Resumed
    | RehearsalProgress
    | Rehearsed
    | Unloaded
    | CancelledEvent
    | Failed
    | EngineExited
)

_encoder = msgspec.json.Encoder(enc_hook=to_wire)
_command_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_event_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event, dec_hook=from_wire)


def encode(message: Command | Event) -> bytes:
    """Turn a message into its line, newline included."""
    return _encoder.encode(message) + b"\n"


def decode_command(line: bytes) -> Command:
    """Read a command's line. Raises msgspec.DecodeError (or its ValidationError)."""
    return _command_decoder.decode(line)


def decode_event(line: bytes) -> Event:
    """Read an event's line. Raises msgspec.DecodeError (or its ValidationError)."""
    return _event_decoder.decode(line)
