"""What happens, as data: everything that threads, processes and the user's actions tell the state.

`session.apply` makes the next state out of one of these; nothing else makes states.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from kvdesk.chats.search import Found
from kvdesk.engine import protocol
from kvdesk.memory.report import Device, MemoryReport, Refusal
from kvdesk.monitor.sample import Sample
from kvdesk.plan.load_record import LoadRecord
from kvdesk.plan.offer import Advice, Rung
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.overflow import Overflow
from kvdesk.plan.paces import Paces
from kvdesk.plan.proof import Proof
from kvdesk.plan.remedy import RemedyOffer
from kvdesk.plan.sampling import Sampling
from kvdesk.session.opened import OpenedModel
from kvdesk.session.state import (
    Attachment,
    ChatMessage,
    ChatSummary,
    Conversation,
    MessageTokens,
    Notice,
    PairFit,
    ParkedCache,
    ParkOffer,
    PresetStep,
    ReadCost,
    SendCost,
)
from kvdesk.settings.presets import Preset
from kvdesk.settings.rows import OverflowPolicy

# ------------------------------------------------------------------------------------- what the user did


@dataclass(frozen=True, slots=True)
class OptionsChanged:
    """Other launch options were chosen; estimate and plan of the earlier ones no longer count."""

    options: LoadOptions


@dataclass(frozen=True, slots=True)
class DraftChanged:
    """The text in the composer changed."""

    text: str


@dataclass(frozen=True, slots=True)
class Attached:
    """Texts were attached to a conversation's draft (None: to that of the open one)."""

    chat_id: int | None
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class AttachmentsChanged:
    """The open conversation's draft has other attachments."""

    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class SamplingChanged:
    """Other sampler settings were chosen for the open conversation."""

    sampling: Sampling


@dataclass(frozen=True, slots=True)
class SystemPromptChanged:
    """The open conversation has another system prompt."""

    text: str


@dataclass(frozen=True, slots=True)
class PresetsChanged:
    """There are other presets, another one for new chats, or another step that can be undone."""

    presets: tuple[Preset, ...]
    default: str
    steps: tuple[PresetStep, ...]


@dataclass(frozen=True, slots=True)
class NoticeChanged:
    """Something is to be told to the user, or was dismissed (None)."""

    notice: Notice | None


@dataclass(frozen=True, slots=True)
class RecentChanged:
    """The list of recently opened models changed."""

    paths: tuple[str, ...]


# --------------------------------------------------------------------------------- reading and arithmetic


@dataclass(frozen=True, slots=True)
class ModelOpening:
    """A model's header is being read."""

    source: str


@dataclass(frozen=True, slots=True)
class ModelOpened:
    """A header was read; `options` are those to begin with."""

    source: str
    model: OpenedModel
    options: LoadOptions


@dataclass(frozen=True, slots=True)
class OpenFailed:
    """A header could not be read."""

    source: str
    notice: Notice


@dataclass(frozen=True, slots=True)
class Estimated:
    """The arithmetic's answer for one model and these options. `cost_s` is the time that it took."""

    path: str
    options: LoadOptions
    report: MemoryReport | None
    refusals: tuple[Refusal, ...]
    cost_s: float


@dataclass(frozen=True, slots=True)
class FitsFound:
    """The largest context of every cache pair, for one model and these options."""

    path: str
    options: LoadOptions
    fits: tuple[PairFit, ...]


@dataclass(frozen=True, slots=True)
class Advised:
    """What would make these options of a model fit; nothing where they do."""

    path: str
    options: LoadOptions
    advice: tuple[Advice, ...]


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """The devices, or how much memory is free on them."""

    devices: tuple[Device, ...]


@dataclass(frozen=True, slots=True)
class Sampled:
    """One reading of all probes."""

    sample: Sample


@dataclass(frozen=True, slots=True)
class Measured:
    """What the loaded model takes, as far as the devices' readings tell more than the engine can."""

    report: MemoryReport


@dataclass(frozen=True, slots=True)
class PacesRead:
    """How fast this machine was seen to read prompts and move caches."""

    paces: Paces


@dataclass(frozen=True, slots=True)
class LedgerRead:
    """The loads that are written down, oldest first."""

    records: tuple[LoadRecord, ...]


# -------------------------------------------------------------------------------------------- processes


@dataclass(frozen=True, slots=True)
class EngineStarting:
    """The engine process is being started."""


@dataclass(frozen=True, slots=True)
class LoadBegun:
    """A load was asked of the engine."""


@dataclass(frozen=True, slots=True)
class TurnBegun:
    """An answer was asked of the engine."""

    chat_id: int


@dataclass(frozen=True, slots=True)
class RebuildBegun:
    """Another context was asked of the engine for the loaded model."""

    options: LoadOptions


@dataclass(frozen=True, slots=True)
class RehearsalBegun:
    """A rehearsal was asked of the engine."""


@dataclass(frozen=True, slots=True)
class EndpointChanged:
    """The endpoint for other programs was opened, or closed ("")."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class EndpointAsked:
    """A client of the endpoint wants something of the engine; `hear` gets the answers."""

    ticket: int
    make_command: Callable[[int], protocol.Command]
    hear: Callable[[protocol.Event], None]


@dataclass(frozen=True, slots=True)
class EndpointLeft:
    """That client does not wait any more."""

    ticket: int


@dataclass(frozen=True, slots=True)
class RemedyFound:
    """The next step after the failure that the user was told of last."""

    remedy: RemedyOffer


@dataclass(frozen=True, slots=True)
class ProofFound:
    """What an earlier rehearsal proved of what is loaded or planned; None where there was none."""

    proof: Proof | None


@dataclass(frozen=True, slots=True)
class ParkBegun:
    """A conversation's cache is to be written to a file."""

    chat_id: int


@dataclass(frozen=True, slots=True)
class PlaceFound:
    """Where a conversation's cache is to be written; "" where there is no place for it."""

    chat_id: int
    path: str


@dataclass(frozen=True, slots=True)
class SummaryBegun:
    """A summary of messages was asked of the engine; they take `tokens`."""

    chat_id: int
    ids: tuple[int, ...]
    tokens: int


Purpose = Literal[
    "load",
    "turn",
    "count",
    "rebuild",
    "park",
    "resume",
    "rehearsal",
    "summary",
    "endpoint",
    "attachment",
    "system prompt",
    "other",
]


@dataclass(frozen=True, slots=True)
class FromEngine:
    """The engine process said something; `purpose` is that of the command it answers.

    `is_intended` marks an exit that this program brought about.
    """

    event: protocol.Event
    purpose: Purpose = "other"
    is_intended: bool = False


@dataclass(frozen=True, slots=True)
class PlanFound:
    """llama.cpp's own answer, or why there is none, to one model and these options."""

    path: str
    options: LoadOptions
    planned: protocol.Planned | None
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class FromChild:
    """A process said something, before anybody has looked at it. `start` counts its starts."""

    name: str
    start: int
    event: protocol.Event


# ---------------------------------------------------------------------------------- the room in a context


@dataclass(frozen=True, slots=True)
class Counted:
    """What the messages of a conversation take, and what sending its draft would cost, if it has one."""

    chat_id: int
    tokens: tuple[MessageTokens, ...]
    cost: SendCost | None
    overflow: Overflow | None
    reading: ReadCost | None = None


@dataclass(frozen=True, slots=True)
class SystemPromptCounted:
    """What the open conversation's system prompt takes; None: that is not known any more."""

    tokens: int | None


@dataclass(frozen=True, slots=True)
class OverflowAsked:
    """The answer to a conversation waits for a choice, as the context is too small; None: no longer."""

    chat_id: int | None


@dataclass(frozen=True, slots=True)
class OverflowChosen:
    """The open conversation has its own policy for a full context, or ("") that of the settings."""

    policy: OverflowPolicy | Literal[""]


@dataclass(frozen=True, slots=True)
class LadderFound:
    """Steps to a larger context for the model loaded with these options. `is_offer`: its end is near."""

    options: LoadOptions
    rungs: tuple[Rung, ...]
    is_offer: bool


@dataclass(frozen=True, slots=True)
class GrowDeclined:
    """The user does not want the larger context that was offered."""


@dataclass(frozen=True, slots=True)
class CompactionEnded:
    """The summary was taken, or is not wanted."""


@dataclass(frozen=True, slots=True)
class ParkedListed:
    """The caches that rest in files, the one used last first."""

    parked: tuple[ParkedCache, ...]


@dataclass(frozen=True, slots=True)
class ParkOffered:
    """A conversation that rests could be parked; None: it need not be any more."""

    offer: ParkOffer | None


# ------------------------------------------------------------------------------------------ conversations


@dataclass(frozen=True, slots=True)
class MessagesChanged:
    """The messages of a conversation were marked or rearranged."""

    chat_id: int
    messages: tuple[ChatMessage, ...]


@dataclass(frozen=True, slots=True)
class ChatsListed:
    """The list of conversations, latest first."""

    chats: tuple[ChatSummary, ...]


@dataclass(frozen=True, slots=True)
class DeletedChanged:
    """The conversations whose deletion can be undone, the one deleted last at the end."""

    chats: tuple[ChatSummary, ...]


@dataclass(frozen=True, slots=True)
class ChatsFound:
    """The conversations in which something was said."""

    wanted: str
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class ChatOpened:
    """A conversation was read from the store."""

    chat: Conversation


@dataclass(frozen=True, slots=True)
class MessageSent:
    """A message of the user is in the store, or (None) an earlier one is to be answered again.

    `replaced` are messages that gave way to it; they stay in the store.
    """

    chat_id: int
    message: ChatMessage | None
    replaced: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SendFailed:
    """A message of the user could not be stored; it stays in the composer."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class AnswerSaved:
    """The whole answer, or what there was of it, is in the store. None: there was no text to keep."""

    chat_id: int
    message: ChatMessage | None


Happening = (
    OptionsChanged
    | DraftChanged
    | Attached
    | AttachmentsChanged
    | SamplingChanged
    | SystemPromptChanged
    | SystemPromptCounted
    | PresetsChanged
    | NoticeChanged
    | RecentChanged
    | ModelOpening
    | ModelOpened
    | OpenFailed
    | Estimated
    | FitsFound
    | Advised
    | DevicesChanged
    | Sampled
    | Measured
    | LedgerRead
    | PacesRead
    | EngineStarting
    | LoadBegun
    | TurnBegun
    | RebuildBegun
    | RehearsalBegun
    | ProofFound
    | RemedyFound
    | EndpointChanged
    | EndpointAsked
    | EndpointLeft
    | ParkBegun
    | PlaceFound
    | SummaryBegun
    | Counted
    | OverflowAsked
    | OverflowChosen
    | LadderFound
    | GrowDeclined
    | CompactionEnded
    | ParkedListed
    | ParkOffered
    | MessagesChanged
    | FromEngine
    | PlanFound
    | ChatsListed
    | DeletedChanged
    | ChatsFound
    | ChatOpened
    | MessageSent
    | SendFailed
    | AnswerSaved
)
