"""Asks llama.cpp itself what it would allocate, in a second process that may abort without harm."""

from collections.abc import Callable
from dataclasses import dataclass

from kvdesk.engine import protocol
from kvdesk.plan.options import LoadOptions
from kvdesk.session import events
from kvdesk.session.child import Child
from kvdesk.session.state import Notice

IDLE_S = 20.0  # a process with a GPU context costs its user memory, so it doesn't stay for nothing


@dataclass(frozen=True, slots=True)
class _Question:
    path: str
    options: LoadOptions


class Planner:
    """Keeps one question with llama.cpp and only the newest behind it.

    The process is started by the first question, ended after `IDLE_S` without one, and started again by the
    next. A question that ended the process is not asked again until another one was.
    """

    def __init__(self, child: Child, clock: Callable[[], float]) -> None:
        self._child = child
        self._clock = clock
        self._asked: dict[int, _Question] = {}
        self._wanted: _Question | None = None
        self._side_questions: dict[str, Callable[[int], protocol.Command]] = {}
        self._is_resting = False
        self._deadly: _Question | None = None
        self._last_used_s = 0.0

    @property
    def is_present(self) -> bool:
        """Whether the process is there."""
        return self._child.is_present

    def ask_plan(self, path: str, options: LoadOptions) -> None:
        """Ask for the plan of these options; an earlier question that waits is forgotten."""
        question = _Question(path, options)
        is_known = question == self._deadly or question in self._asked.values()
        self._wanted = None if is_known else question
        self._send_wanted()

    def ask_devices(self, rpc: tuple[str, ...]) -> None:
        """Ask which devices ggml sees, these RPC servers among them."""
        self._side_questions["devices"] = lambda number: protocol.ListDevices(id=number, rpc=rpc)
        self._send_wanted()

    def ask_kernels(self, question: Callable[[int], protocol.ProbeKernels]) -> None:
        """Ask which pairs of cache types the devices compute attention for."""
        self._side_questions["kernels"] = question
        self._send_wanted()

    def tick(self) -> None:
        """End the process when nothing was asked for a while."""
        is_idle = not self._asked and self._clock() - self._last_used_s > IDLE_S
        if self._child.is_present and is_idle and not self._is_resting:
            self.rest()

    def rest(self) -> None:
        """End the process now; the next question starts it again."""
        if self._child.is_present:
            self._is_resting = True
            self._asked.clear()
            self._child.stop()

    def take(self, event: protocol.Event) -> events.PlanFound | None:
        """Note an event of the process; return the plan, or why there is none, when it is an answer."""
        question = self._asked.pop(event.id, None)
        match event:
            case protocol.EngineExited():
                return self._exited(event)
            case protocol.Planned() if question:
                found = events.PlanFound(question.path, question.options, event)
            case protocol.Failed() if question:
                notice = Notice(event.message, event.hint)
                found = events.PlanFound(question.path, question.options, None, notice)
            case _:
                return None
        self._last_used_s = self._clock()
        self._send_wanted()
        return found

    def _exited(self, event: protocol.EngineExited) -> events.PlanFound | None:
        self._child.ended()
        question = next(iter(self._asked.values()), None)
        self._asked.clear()
        self._is_resting = False
        self._deadly = question
        if event.cause == "start_failed" or self._wanted == question:
            self._wanted = None  # asking again at once would end the same way
            self._side_questions.clear()
        self._send_wanted()
        if question is None:
            return None
        notice = Notice(event.message, event.hint, "\n".join(event.stderr_tail))
        return events.PlanFound(question.path, question.options, None, notice)

    def _send_wanted(self) -> None:
        if self._is_resting or self._asked or (self._wanted is None and not self._side_questions):
            return
        self._last_used_s = self._clock()
        if not self._child.is_present:
            self._child.start()
        for side_question in self._side_questions.values():
            self._child.send(side_question)
        self._side_questions.clear()
        if question := self._wanted:
            self._wanted = None
            asked = self._child.send(
                lambda number: protocol.DryRun(id=number, model=question.path, options=question.options)
            )
            self._asked[asked] = question
