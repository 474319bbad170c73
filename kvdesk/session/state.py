"""Everything the window draws, frozen; `session.apply` makes the next one out of an event."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple

from kvdesk.chats.attachments import Attachment as Attachment
from kvdesk.chats.rows import ParkedCache as ParkedCache
from kvdesk.engine.protocol import (
    CacheReport,
    Rebuilt,
    RehearsalProgress,
    Rehearsed,
    Role,
    StopReason,
    ThreadPace,
)
from kvdesk.memory.report import Device, MemoryReport, Refusal
from kvdesk.memory.shape import LayerShape
from kvdesk.phrases import Phrase
from kvdesk.plan.fits import PairFit as PairFit
from kvdesk.plan.load_record import LoadRecord
from kvdesk.plan.offer import Advice, Rung
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.overflow import Overflow
from kvdesk.plan.proof import Proof as Proof
from kvdesk.plan.remedy import RemedyOffer as RemedyOffer
from kvdesk.plan.sampling import Sampling
from kvdesk.settings.presets import BUILT_IN, Preset, find_preset
from kvdesk.settings.rows import OverflowPolicy


@dataclass(frozen=True, slots=True)
class CacheTypeVerdict:
    """Whether this model accepts a cache type for K and for V, and why not."""

    name: str
    k_ok: bool
    v_ok: bool
    why: Phrase


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the desk shows of the opened model; read from its header."""

    path: str  # resolved; the built-in model's is in resources
    name: str
    architecture: str
    is_verified: bool  # False: a family that no test has compared with llama.cpp
    parameters: int
    quantisation: str  # "Q4_K_M", from general.file_type or the commonest tensor type
    n_ctx_train: int
    n_layer: int
    n_vocab: int
    file_bytes: int
    anatomy: Phrase  # attention in one line: "36 layers · GQA 32/8 heads · head 128"
    layers: tuple[LayerShape, ...]
    cache_types: tuple[CacheTypeVerdict, ...]
    has_template: bool
    is_rough: bool = False  # compute buffers are only roughly known: the dry run decides


class Phase(StrEnum):
    """What the engine is doing."""

    ABSENT = "absent"  # no process yet
    STARTING = "starting"
    IDLE = "idle"  # up, nothing loaded
    LOADING = "loading"
    READY = "ready"
    PREFILL = "prefill"
    DECODE = "decode"
    REBUILDING = "rebuilding"  # the model gets another context
    REHEARSING = "rehearsing"
    ENDED = "ended"  # the process died; `EngineState.ended` says why


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell the user in place: what happened, what to do, details for the copy button.

    `remedy` is the next step, to be taken by one action.
    """

    message: Phrase
    hint: Phrase = Phrase("")
    details: str = ""
    is_error: bool = True
    remedy: RemedyOffer | None = None


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """What is in the engine now, as llama.cpp reported it.

    `requested_ctx_size` is the context that was asked for, 0 for the trained one, and `planned_ctx_size`
    what llama.cpp's dry run made of it, None where there was none; `n_ctx_seq` is what it really is.
    `threads` answer; they were chosen by `thread_paces` where this load has measured them.
    """

    path: str
    options: LoadOptions  # normalised
    n_ctx_seq: int
    flash_attn: bool
    can_shift: bool
    load_s: float
    requested_ctx_size: int = 0
    planned_ctx_size: int | None = None
    threads: int = 0
    thread_paces: tuple[ThreadPace, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineState:
    """The engine process and the model in it.

    `asked_ctx_size` and `planned_ctx_size` are those of the load or rebuild under way, or the last one.
    """

    phase: Phase = Phase.ABSENT
    progress: float = 0.0  # of a load, a prefill, a stage of a rebuild or a rehearsal, 0 to 1
    prefill_done_tokens: int = 0
    prefill_total_tokens: int = 0
    prefill_reused_tokens: int = 0
    tokens_per_s: float = 0.0  # of the prefill or decode under way
    loaded: LoadedModel | None = None
    cache: CacheReport | None = None
    ended: Notice | None = None
    asked_ctx_size: int = 0
    planned_ctx_size: int | None = None
    rebuild_stage: str = ""  # of RebuildProgress, while a rebuild is under way
    rebuilt: Rebuilt | None = None  # the last rebuild of the loaded model, for its figures
    parking: int | None = None  # the conversation whose cache is being written to a file
    rehearsal: RehearsalProgress | None = None  # while one is under way
    rehearsed: Rehearsed | None = None  # the last one of the loaded context


@dataclass(frozen=True, slots=True)
class TurnFigures:
    """The line under an answer."""

    prompt_tokens: int
    reused_tokens: int
    reread_tokens: int
    reread_reason: str
    completion_tokens: int
    prefill_s: float
    decode_s: float
    stop_reason: StopReason
    shifted_tokens: int = 0  # reused after having been moved in the cache
    restored_from: str = ""  # "checkpoint" or "shelf", where that spared a re-read
    dropped: int = 0  # messages that this turn left out of the context
    changed_message: int | None = None  # place of the first message that had been edited

    @property
    def new_tokens(self) -> int:
        """Tokens of the prompt that had to be evaluated."""
        return self.prompt_tokens - self.reused_tokens

    @property
    def tokens_per_s(self) -> float:
        """Decode speed; 0 when nothing was decoded."""
        return self.completion_tokens / self.decode_s if self.decode_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message as the conversation shows it.

    A dropped message is left out of the context, a pinned one is never dropped by itself. `stands_for` are
    the ids of the dropped messages that a summary stands for, `siblings` those of the messages of all
    branches in this place, oldest first; () where there is this one only.
    """

    id: int  # row in the store
    role: Role
    content: str
    reasoning: str = ""
    reasoning_s: float = 0.0
    figures: TurnFigures | None = None
    is_partial: bool = False  # an answer that was cut off by a stop or a crash
    is_pinned: bool = False
    is_dropped: bool = False
    stands_for: tuple[int, ...] = ()
    siblings: tuple[int, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatSummary:
    """A row of the list of conversations. `updated_s` is Unix time; `folder` is "" outside of any."""

    id: int
    title: str
    updated_s: float
    tokens: int | None = None
    folder: str = ""


class SearchResult(NamedTuple):
    """What was looked for, and an excerpt of each conversation, by its id, in which it was said."""

    wanted: str
    excerpts: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Conversation:
    """The conversation that is open. `overflow` is its own policy, "" where the setting decides.

    `attachments` go along with the draft.
    """

    id: int
    title: str
    messages: tuple[ChatMessage, ...] = ()
    system_prompt: str = ""
    sampling: Sampling = Sampling()
    draft: str = ""
    overflow: OverflowPolicy | Literal[""] = ""
    attachments: tuple[Attachment, ...] = ()


class Manner(NamedTuple):
    """How a conversation is answered."""

    system_prompt: str = ""
    sampling: Sampling = Sampling()


@dataclass(frozen=True, slots=True)
class PresetTaken:
    """A conversation took a preset; `before` is how it was answered until then, `after` how it is now."""

    chat_id: int
    preset: Preset
    before: Manner
    after: Manner


@dataclass(frozen=True, slots=True)
class PresetChange:
    """A preset of the user's was made (`before` is None), replaced, renamed or (`after` is None) deleted."""

    before: Preset | None
    after: Preset | None


PresetStep = PresetTaken | PresetChange


@dataclass(frozen=True, slots=True)
class Streaming:
    """The answer that is being written; not yet among the messages."""

    chat_id: int
    text: str = ""
    reasoning: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class SendCost:
    """What sending the draft would cost.

    `expected_tokens` is how long the answer is taken to be, from this conversation's earlier ones, and
    `cells_after` how many cells are in use after it. None of the times is known before a few prompts were
    read with these options.
    """

    prompt_tokens: int
    reused_tokens: int
    new_tokens: int
    seconds_to_first_token: float | None = None
    expected_tokens: int = 0
    cells_after: int = 0
    drops_reasoning: bool = False  # the template leaves earlier reasoning out: such answers are read again


class ReadCost(NamedTuple):
    """What the next message reads of the open conversation, itself included, and what all of it would take.

    `keeps_start`: what was read of the system prompt and the first message still counts. No time is known
    before a few prompts were read with these options.
    """

    prompt_tokens: int
    new_tokens: int
    keeps_start: bool
    seconds: float | None
    whole_s: float | None


class MessageTokens(NamedTuple):
    """What a message of the open conversation takes in the context."""

    id: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Compaction:
    """A summary that is being written, or (`is_done`) awaits the user's word.

    It is to stand for the messages `ids`, which take `tokens`; `summary_tokens` is what it takes so far.
    """

    chat_id: int
    ids: tuple[int, ...]
    tokens: int
    text: str = ""
    summary_tokens: int = 0
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class ParkOffer:
    """A conversation could rest on disk: what that takes, and the re-reading that it spares if known."""

    chat_id: int
    n_bytes: int
    tokens: int
    reread_s: float | None


class ContextNumbers(NamedTuple):
    """The context that was asked for (0: the trained one), that llama.cpp planned, and that there is."""

    requested: int
    planned: int | None
    actual: int | None


class OpenEndpoint(NamedTuple):
    """Where other programs find the model, and what they must send ("": nothing)."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class DeskState:
    """The whole of what is drawn. Every field is replaced, never changed in place."""

    model: ModelCard | None = None
    opening: str = ""  # path being opened, "" when none
    options: LoadOptions = field(default_factory=LoadOptions)
    estimate: MemoryReport | None = None
    plan: MemoryReport | None = None  # None while llama.cpp's answer to the current options is awaited
    plan_options: LoadOptions | None = None  # the options that `plan` is of, normalised
    plan_notice: Notice | None = None  # why llama.cpp has no plan for the current options
    measured: MemoryReport | None = None  # of the loaded model
    refusals: tuple[Refusal, ...] = ()
    fits: tuple[PairFit, ...] = ()
    advice: tuple[Advice, ...] = ()  # what would make the options fit, where they do not
    max_ctx_size: int | None = None  # largest context for the chosen pair
    # GPUs first, the host last, with memory free now; what the loaded model holds counts as free.
    devices: tuple[Device, ...] = ()
    engine: EngineState = EngineState()
    chats: tuple[ChatSummary, ...] = ()
    deleted: tuple[ChatSummary, ...] = ()  # can be brought back; the one deleted last at the end
    found: SearchResult | None = None  # in all conversations, of the last search
    chat: Conversation | None = None
    streaming: Streaming | None = None
    send_cost: SendCost | None = None
    read_cost: ReadCost | None = None  # as counted last
    system_tokens: int | None = None  # of the open conversation's system prompt; None: not counted
    message_tokens: tuple[MessageTokens, ...] = ()  # as counted last; dropped messages have none
    overflow: Overflow | None = None  # where the draft with an answer, or the next answer, does not fit
    overflow_asked: int | None = None  # the conversation whose answer waits for the user's choice
    ladder: tuple[Rung, ...] = ()  # steps to a larger context, for the loaded model
    grow_offer: Rung | None = None  # the first of them, near the end of the context
    compaction: Compaction | None = None
    parked: tuple[ParkedCache, ...] = ()  # the one used last first
    park_offer: ParkOffer | None = None
    recent: tuple[str, ...] = ()  # model paths opened before, latest first
    presets: tuple[Preset, ...] = BUILT_IN  # those first, then the user's by name
    default_preset: str = ""  # that new chats begin with; "": the built-in default
    preset_steps: tuple[PresetStep, ...] = ()  # can be undone, the last one at the end
    notice: Notice | None = None
    ledger: tuple[LoadRecord, ...] = ()  # loads on this machine, oldest first
    proof: Proof | None = None  # that what is loaded, or planned, held up to its end
    endpoint: OpenEndpoint | None = None
    samples: int = 0  # rises with each sample in `Desk.history`

    @property
    def undoable_presets(self) -> tuple[PresetStep, ...]:
        """The steps that can still be undone: not one of a chat that was changed since, or is not open."""
        chat = self.chat
        now = Manner(chat.system_prompt, chat.sampling) if chat is not None else None
        return tuple(
            step
            for step in self.preset_steps
            if isinstance(step, PresetChange)
            or (chat is not None and (step.chat_id, step.after) == (chat.id, now))
        )

    @property
    def manner_of_new(self) -> Manner:
        """What a new conversation begins with: the preset chosen for it, where there still is one."""
        preset = find_preset(self.presets, self.default_preset) or BUILT_IN[0]
        return Manner(preset.system_prompt or "", preset.sampling or Sampling())

    @property
    def context_numbers(self) -> ContextNumbers:
        """Three numbers that should agree: of what is loaded, or, before a load, of what is chosen."""
        loaded = self.engine.loaded
        if loaded is not None:
            return ContextNumbers(loaded.requested_ctx_size, loaded.planned_ctx_size, loaded.n_ctx_seq)
        planned = self.plan_options.ctx_size if self.plan_options is not None else None
        return ContextNumbers(self.options.ctx_size, planned, None)
