"""The application without its window: takes what happened, makes states, does what follows."""

import queue
import time

from kvdesk.engine import protocol
from kvdesk.session import events, manner, parking, reactions, remedies, steps
from kvdesk.session.parts import CLOSE_S, Parts

FRAME_BUDGET_S = 0.004  # of a frame's 16 ms, what applying events may take


class Desk(Parts):
    """What the window holds: `state` to draw, `history` for the graph, `drain` to call from its one timer."""

    def start(self) -> None:
        """Open the conversations and begin to read the devices."""
        self.saving.open(self.settings.last_chat)
        self.bookkeeper.read()
        self.read_paces()
        self.parked_files.read()
        self.background.submit(self.sampler.start)

    def drain(self) -> bool:
        """Apply what has happened since the last call; return whether there is something new to draw.

        Takes `FRAME_BUDGET_S` at the most: what is left is for the next call.
        """
        until = time.perf_counter() + FRAME_BUDGET_S
        while time.perf_counter() < until:
            try:
                queued = self.queue.get_nowait()
            except queue.Empty:
                break
            event = self._from_child(queued) if isinstance(queued, events.FromChild) else queued
            if event is not None:
                self.take(event)
                reactions.react(self, event)
        self._tick()
        changed, self.is_changed = self.is_changed, False
        return changed

    def close(self) -> None:
        """Save drafts, end the processes and the threads; takes 2 s at the most."""
        until = time.monotonic() + CLOSE_S
        for key in ("open", "estimate"):
            self.background.drop(key)
        for key in ("fits", "advice", "ladder"):
            self.searches.drop(key)
        if self.state.chat is not None and not self.is_send_under_way:
            self.saving.save_draft(self.state.chat)
        manner.keep(self)
        steps.end_partial_answer(self)
        if self.endpoint is not None:
            self.endpoint.close()
        self.bookkeeper.ended()
        self.engine_child.stop()
        self.planner_child.stop()

        def left_s() -> float:
            return max(0.05, until - time.monotonic())

        self.saving.close(left_s())
        self.background.close(left_s())
        self.searches.close(left_s())
        self.sampler.close(left_s())
        self.planner_child.join(left_s())
        self.engine_child.join(left_s())

    def _from_child(self, queued: events.FromChild) -> events.Happening | None:
        if isinstance(queued.event, protocol.Hello):
            reactions.greeted(self, queued.event)
        if queued.name == self.engine_child.name:
            is_current = queued.start == self.engine_child.start_count
            remedies.heard(self)
            return self.driver.take(queued.event) if is_current else None
        if queued.start != self.planner_child.start_count:
            return None
        if isinstance(queued.event, protocol.DevicesListed):
            reactions.devices_listed(self, queued.event.devices)
        elif isinstance(queued.event, protocol.KernelsProbed):
            reactions.kernels_probed(self, queued.event.answers)
        return self.planner.take(queued.event)

    def _tick(self) -> None:
        if self.is_estimate_due:
            self.is_estimate_due = False
            steps.refresh_estimate(self)
            steps.refresh_advice(self)
        if self.is_plan_due:
            self.is_plan_due = False
            steps.refresh_plan(self)
        if self.is_fit_due:
            self.is_fit_due = False
            steps.refresh_fits(self)
        if self.pause_due_s is not None and self.clock() >= self.pause_due_s:
            steps.typing_paused(self)
        parking.idle(self)
        remedies.watch(self)
        remedies.take_when_free(self)
        self.planner.tick()
