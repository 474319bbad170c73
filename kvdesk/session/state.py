"""Everything the window draws, frozen; `session.apply` makes the next one out of an event."""

from dataclasses import dataclass, field
from enum import StrEnum

from kvdesk.engine.protocol import CacheReport, Role, StopReason
from kvdesk.memory.report import Device, MemoryReport, Refusal
from kvdesk.memory.shape import LayerShape
from kvdesk.phrases import Phrase
from kvdesk.plan.fits import PairFit as PairFit
from kvdesk.plan.load_record import LoadRecord
from kvdesk.plan.offer import Advice
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling


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


class Phase(StrEnum):
    """What the engine is doing."""

    ABSENT = "absent"  # no process yet
    STARTING = "starting"
    IDLE = "idle"  # up, nothing loaded
    LOADING = "loading"
    READY = "ready"
    PREFILL = "prefill"
    DECODE = "decode"
    ENDED = "ended"  # the process died; `EngineState.ended` says why


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell the user in place: what happened, what to do, details for the copy button."""

    message: Phrase
    hint: Phrase = Phrase("")
    details: str = ""
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """What is in the engine now, as llama.cpp reported it."""

    path: str
    options: LoadOptions  # normalised
    n_ctx_seq: int
    flash_attn: bool
    can_shift: bool
    load_s: float


@dataclass(frozen=True, slots=True)
class EngineState:
    """The engine process and the model in it."""

    phase: Phase = Phase.ABSENT
    progress: float = 0.0  # of a load or a prefill, 0 to 1
    prefill_done_tokens: int = 0
    prefill_total_tokens: int = 0
    prefill_reused_tokens: int = 0
    tokens_per_s: float = 0.0  # of the prefill or decode under way
    loaded: LoadedModel | None = None
    cache: CacheReport | None = None
    ended: Notice | None = None


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
    """A message as the conversation shows it."""

    id: int  # row in the store
    role: Role
    content: str
    reasoning: str = ""
    reasoning_s: float = 0.0
    figures: TurnFigures | None = None
    is_partial: bool = False  # an answer that was cut off by a stop or a crash


@dataclass(frozen=True, slots=True)
class ChatSummary:
    """A row of the list of conversations. `updated_s` is Unix time."""

    id: int
    title: str
    updated_s: float
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """The conversation that is open."""

    id: int
    title: str
    messages: tuple[ChatMessage, ...] = ()
    system_prompt: str = ""
    sampling: Sampling = Sampling()
    draft: str = ""


@dataclass(frozen=True, slots=True)
class Streaming:
    """The answer that is being written; not yet among the messages."""

    chat_id: int
    text: str = ""
    reasoning: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class SendCost:
    """What sending the draft would cost."""

    prompt_tokens: int
    reused_tokens: int
    new_tokens: int


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
    chat: Conversation | None = None
    streaming: Streaming | None = None
    send_cost: SendCost | None = None
    recent: tuple[str, ...] = ()  # model paths opened before, latest first
    notice: Notice | None = None
    ledger: tuple[LoadRecord, ...] = ()  # loads on this machine, oldest first
    samples: int = 0  # rises with each sample in `Desk.history`
