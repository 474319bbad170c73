"""Everything the session owns, in one place: the state, the threads, the processes and the files."""

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kvdesk.chats.parked import ParkedCaches
from kvdesk.chats.store import ChatStore
from kvdesk.engine import protocol
from kvdesk.engine.protocol import KernelAnswer
from kvdesk.memory.report import HOST, Device
from kvdesk.monitor.sample import Sample
from kvdesk.monitor.sampler import Sampler
from kvdesk.plan.depth_curve import DepthCurve
from kvdesk.plan.ledger import Ledger
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.overflow import Overflow
from kvdesk.plan.paces import Paces, PacesFile
from kvdesk.plan.remedy import RemedyOffer
from kvdesk.session import events
from kvdesk.session.alarm_state import Alarms
from kvdesk.session.apply import apply
from kvdesk.session.background import Background
from kvdesk.session.bookkeeper import Bookkeeper
from kvdesk.session.child import Child, MakeClient
from kvdesk.session.driver import Driver
from kvdesk.session.history import History, MarkKind
from kvdesk.session.notices import notice_of
from kvdesk.session.opened import OpenedModel
from kvdesk.session.parked_files import ParkedFiles
from kvdesk.session.planner import Planner
from kvdesk.session.saving import Saving
from kvdesk.session.state import Attachment, Conversation, DeskState
from kvdesk.settings.presets import BUILT_IN, PresetsFile
from kvdesk.settings.store import SettingsStore

if TYPE_CHECKING:
    from kvdesk.serve.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Question:
    """What was counted: a conversation, the ids of the messages sent, and whether a draft was with them.

    `is_check`: an answer waits for it.
    """

    chat: Conversation
    ids: tuple[int, ...]
    has_draft: bool
    is_check: bool


Queued = events.Happening | events.FromChild
CLOSE_S = 2.0


class Parts:
    """The state and what may change it. Only `put` may be called from other threads."""

    def __init__(
        self,
        make_client: MakeClient,
        make_sampler: Callable[[Callable[[Sample], None]], Sampler],
        store: ChatStore,
        settings: SettingsStore,
        presets: PresetsFile,
        ledger: Ledger,
        paces: PacesFile,
        parked_folder: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.history = History()  # the rows of the live graph
        self.state = DeskState(devices=(HOST,))
        self.queue: queue.SimpleQueue[Queued] = queue.SimpleQueue()
        self.background = Background("kvdesk-background", self.report)
        # The largest contexts of all pairs take tenths of a second, which no estimate should wait for.
        self.searches = Background("kvdesk-searches", self.report)
        self.data_folder = parked_folder.parent
        self.saving = Saving(store, self.put, self.report, clock, lambda: self.state.manner_of_new)
        self.parked_files = ParkedFiles(
            ParkedCaches(store, parked_folder), self.saving.run_on_store, self.put
        )
        self.bookkeeper = Bookkeeper(ledger, self.background.submit, self.put, clock)
        self.engine_child = Child("engine", make_client, self.put_from_child, self.report)
        self.planner_child = Child("planner", make_client, self.put_from_child, self.report)
        self.driver = Driver(self.engine_child)
        self.planner = Planner(self.planner_child, clock)
        self.sampler = make_sampler(lambda sample: self.put(events.Sampled(sample)))

        self._settings_store = settings
        self.settings, problem = settings.load()
        self.presets_file = presets
        own_presets, presets_problem = presets.load()
        self.opened: OpenedModel | None = None
        self.listed_devices: tuple[Device, ...] = (HOST,)
        self.kernels: tuple[KernelAnswer, ...] = ()  # for the heads of the open model
        self.estimate_cost_s = float("inf")  # unknown until the first one
        self.is_estimate_due = False
        self.is_fit_due = False
        self.is_plan_due = False
        self.wanted_answer: Conversation | None = None  # waits for the engine
        self.settled_overflow: protocol.Overflow | None = None  # what was settled for it, if it may not fit
        self.met_overflow: Overflow | None = None  # what was found not to fit of it
        self.waits_for_ladder = False  # it goes on in a larger context, if there is one
        self.asked_ids: tuple[int, ...] = ()  # of the messages of the turn under way
        self.is_manner_unsaved = False  # the open conversation's system prompt was changed
        self.counted_prompt = ""  # the system prompt whose tokens were asked for last
        self.counted_attachment: Attachment | None = None  # whose tokens are asked for
        self.question: Question | None = None  # what was counted last
        self.last_load: tuple[OpenedModel, LoadOptions] | None = None
        self.last_sample: Sample | None = None
        self._paces_file = paces
        self.paces = Paces()
        self.curve_key = ""
        self.curve = DepthCurve()  # of what is loaded
        self.alarms = Alarms()
        self.in_engine: set[int] = set()  # conversations that the engine has seen, or that were resumed
        self.resting_tokens: dict[int, int] = {}  # of those, what is not parked as it is now; latest last
        self.active_s = clock()  # when something last happened in a conversation
        self.engine_seen_s = clock()  # when the engine last said something, or was seen at work
        self.endpoint: Endpoint | None = None
        self.served: dict[int, tuple[int, Callable[[protocol.Event], None]]] = {}  # commands of its clients
        self.remedy_to_take: RemedyOffer | None = None  # once the process that hangs has ended
        self.is_send_under_way = False
        self.early_draft = ""  # typed before the conversations were read
        self.pause_due_s: float | None = None
        self.is_changed = True

        self.take(events.RecentChanged(self.settings.recent_models))
        shown = (*BUILT_IN, *own_presets)
        self.take(events.PresetsChanged(shown, self.settings.default_preset, ()))
        for each in (problem, presets_problem):
            if each is not None:
                self.report(each)

    def put(self, event: Queued) -> None:
        """Hand over an event from any thread."""
        self.queue.put(event)

    def put_from_child(self, name: str, start: int, event: protocol.Event) -> None:
        """Hand over an event of a process from any thread."""
        self.put(events.FromChild(name, start, event))

    def report(self, error: Exception) -> None:
        """Tell the user of an error, from any thread."""
        self.put(events.NoticeChanged(notice_of(error)))

    def take(self, event: events.Happening) -> None:
        """Make the next state."""
        before = self.state
        self.state = apply(before, event)
        self.is_changed = self.is_changed or self.state is not before

    def mark(self, kind: MarkKind, text: str) -> None:
        """Have something that happened drawn across the live graph."""
        self.history.mark(self.clock(), kind, text)

    def read_paces(self) -> None:
        """Read what was measured in earlier sessions."""
        self.background.submit(lambda: self.put(events.PacesRead(self._paces_file.read())))

    def keep_paces(self, paces: Paces) -> None:
        """Take what was measured and have it written soon."""
        self.paces = paces
        self.background.submit(lambda: self._paces_file.save(paces), key="paces")

    def change_settings(self, **changes: Any) -> None:
        """Set settings and have them written soon."""
        changed = msgspec.structs.replace(self.settings, **changes)
        if changed != self.settings:
            self.is_fit_due = self.is_fit_due or changed.reserve_bytes != self.settings.reserve_bytes
            self.settings = changed
            self.background.submit(lambda: self._settings_store.save(changed), key="settings")
