"""The second process: newest question only, none twice that killed it, gone when idle."""

import pytest

from kvdesk.engine import protocol
from kvdesk.plan.options import LoadOptions
from kvdesk.session.events import PlanFound
from kvdesk.session.planner import IDLE_S, Planner
from tests.session.fakes import planned_event


def options(ctx_size: int) -> LoadOptions:
    return LoadOptions(ctx_size=ctx_size)


class PlayedChild:
    """A child without threads: the test plays the process."""

    def __init__(self) -> None:
        self.starts = 0
        self.is_present = False
        self.is_asked_to_stop = False
        self.heard: list[protocol.Command] = []

    def start(self) -> None:
        self.starts += 1
        self.is_present, self.is_asked_to_stop = True, False

    def send(self, make_command) -> int:
        assert self.is_present
        assert not self.is_asked_to_stop
        self.heard.append(make_command(len(self.heard) + 1))
        return self.heard[-1].id

    def stop(self) -> None:
        self.is_asked_to_stop = True

    def ended(self) -> None:
        self.is_present = False


class Bench:
    """A planner and what came of its questions."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.found: list[PlanFound] = []
        self.child = PlayedChild()
        self.planner = Planner(self.child, lambda: self.now_s)

    def say(self, event: protocol.Event) -> None:
        if found := self.planner.take(event):
            self.found.append(found)

    def end(self, cause: protocol.ExitCause, message: str = "llama.cpp aborted.") -> None:
        self.say(protocol.EngineExited(cause=cause, message=message, stderr_tail=("last words",)))

    @property
    def runs(self) -> list[protocol.DryRun]:
        return [command for command in self.child.heard if isinstance(command, protocol.DryRun)]

    @property
    def asked(self) -> list[int]:
        return [run.options.ctx_size for run in self.runs]

    def answer(self) -> None:
        self.say(planned_event(self.runs[-1]))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_nothing_is_started_before_the_first_question(bench: Bench):
    bench.planner.tick()
    assert bench.child.starts == 0
    bench.planner.ask_plan("m", options(1))
    assert bench.child.starts == 1


def test_while_one_is_answered_only_the_newest_waits(bench: Bench):
    for ctx_size in range(1, 50):
        bench.planner.ask_plan("m", options(ctx_size))
    assert bench.asked == [1]
    bench.answer()
    assert bench.asked == [1, 49]
    bench.answer()
    assert [(found.options.ctx_size, found.planned is not None) for found in bench.found] == [
        (1, True),
        (49, True),
    ]


def test_going_back_to_what_is_being_asked_forgets_what_waited(bench: Bench):
    bench.planner.ask_plan("m", options(1))
    bench.planner.ask_plan("m", options(2))
    bench.planner.ask_plan("m", options(1))
    bench.answer()
    assert bench.asked == [1]


def test_a_refusal_is_an_answer(bench: Bench):
    bench.planner.ask_plan("m", options(1))
    bench.say(protocol.Failed(id=bench.runs[-1].id, kind="OptionError", message="No.", hint="Yes."))
    (found,) = bench.found
    assert found.planned is None
    assert (found.notice.message, found.notice.hint) == ("No.", "Yes.")


def test_an_abort_is_an_answer_and_the_question_is_not_asked_again(bench: Bench):
    bench.planner.ask_plan("m", options(1))
    bench.end("aborted")
    (found,) = bench.found
    assert found.notice.message == "llama.cpp aborted."
    assert found.notice.details == "last words"
    bench.planner.ask_plan("m", options(1))
    assert bench.asked == [1]
    assert not bench.planner.is_present
    bench.planner.ask_plan("m", options(2))
    assert bench.asked == [1, 2]
    assert bench.child.starts == 2


def test_after_an_abort_the_question_that_waited_is_asked(bench: Bench):
    bench.planner.ask_plan("m", options(1))
    bench.planner.ask_plan("m", options(2))
    bench.end("aborted")
    assert bench.asked == [1, 2]
    assert bench.child.starts == 2


def test_a_process_that_cannot_start_is_not_started_over_and_over(bench: Bench):
    bench.planner.ask_plan("m", options(1))
    bench.planner.ask_plan("m", options(2))
    bench.end("start_failed", "No such file.")
    assert bench.child.starts == 1
    assert bench.found[0].notice.message == "No such file."


def test_it_rests_when_idle_and_wakes_for_the_next_question(bench: Bench):
    bench.planner.ask_plan("m", options(1))
    bench.now_s = IDLE_S * 3
    bench.planner.tick()
    assert not bench.child.is_asked_to_stop  # it is still being asked something
    bench.answer()
    bench.now_s += IDLE_S - 1
    bench.planner.tick()
    assert not bench.child.is_asked_to_stop
    bench.now_s += 2
    bench.planner.tick()
    assert bench.child.is_asked_to_stop

    bench.planner.ask_plan("m", options(2))  # while it is going: kept until it is gone
    assert bench.asked == [1]
    bench.end("quit")
    assert bench.asked == [1, 2]
    assert bench.child.starts == 2
    bench.answer()
    assert [found.options.ctx_size for found in bench.found] == [1, 2]


def test_what_it_was_asked_when_sent_to_rest_is_not_held_against_the_question(bench: Bench):
    bench.planner.ask_plan("m", options(1))
    bench.planner.rest()
    bench.end("quit")
    assert bench.found == []
    bench.planner.ask_plan("m", options(1))
    assert bench.asked == [1, 1]


def test_resting_without_a_process_does_nothing(bench: Bench):
    bench.planner.rest()
    bench.planner.ask_plan("m", options(1))
    assert bench.asked == [1]


def test_devices_are_asked_for_beside_plans(bench: Bench):
    bench.planner.ask_devices(("host:1",))
    bench.planner.ask_plan("m", options(1))
    bench.planner.ask_devices(("host:2",))
    bench.answer()
    lists = [command.rpc for command in bench.child.heard if isinstance(command, protocol.ListDevices)]
    assert lists == [("host:1",), ("host:2",)]
    assert bench.asked == [1]
