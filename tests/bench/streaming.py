"""Measures the conversation view: opening a long chat, and the event loop while an answer streams into it.

Run by hand: `python tests/bench/streaming.py [--tokens 300000] [--speed 1000] [--seconds 15] [--window]`. A
token is four characters. The widget, the timer and the event loop are the window's own; only the state is
made here. `--window` puts the conversation into the whole window, with the chats and the desk beside it.
Bars: p99 16 ms, worst 50 ms, 150 MB, opened in 300 ms.
"""

import argparse
import gc
import os
import sys
import time
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import psutil
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).parents[2]))

from kvdesk.gui.conversation_panel import ConversationPanel
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.run import make_application
from kvdesk.session.state import DeskState, Phase, Streaming
from tests.gui import conversations, fakes

PUMP_MS, TOKEN_CHARACTERS = 33, 4


class Heartbeat(QObject):
    """Beats every millisecond and notes by how much each beat was late, in ms."""

    def __init__(self) -> None:
        super().__init__()
        self.late_ms: list[float] = []
        self.worked_ms: list[float] = []  # processor time of this thread: what other programs cannot add to
        self._last, self._last_worked = time.perf_counter(), time.thread_time()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self._last, self._last_worked = time.perf_counter(), time.thread_time()
        self._timer.start()

    def _beat(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        self.late_ms.append(max(0.0, (now - self._last) * 1000 - 1))
        self.worked_ms.append((worked - self._last_worked) * 1000)
        self._last, self._last_worked = now, worked


def quantiles(values: list[float]) -> str:
    """Print the median, the 99th percentile and the worst of some milliseconds."""
    ordered = sorted(values)
    chosen = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99, 1.0))
    return " ".join(f"{value:>8.1f}" for value in chosen) + " ms"


class Feeder(QObject):
    """Streams an answer at a given speed, as the window's timer would see it."""

    def __init__(self, panel: ConversationPanel | MainWindow, state: DeskState, speed: float) -> None:
        super().__init__()
        self._panel, self._state, self._speed = panel, state, speed
        source = (conversations.RISKS, conversations.EVERYTHING, conversations.listing(120))
        self._source = cycle("\n\n".join(source) + "\n\n")
        self.text, self.tokens = "", 0
        self.show_ms: list[float] = []
        self._start = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setInterval(PUMP_MS)
        self._timer.timeout.connect(self._feed)
        self._timer.start()

    def _feed(self) -> None:
        due = int((time.perf_counter() - self._start) * self._speed) - self.tokens
        self.text += "".join(next(self._source) for _ in range(due * TOKEN_CHARACTERS))
        self.tokens += due
        engine = replace(self._state.engine, phase=Phase.DECODE, tokens_per_s=self._speed)
        streaming = Streaming(2, self.text, tokens=self.tokens)
        before = time.perf_counter()
        self._panel.show_state(replace(self._state, engine=engine, streaming=streaming))
        self.show_ms.append((time.perf_counter() - before) * 1000)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tokens", type=int, default=300_000)
    arguments.add_argument("--speed", type=float, default=1000)
    arguments.add_argument("--seconds", type=float, default=15)
    arguments.add_argument("--window", action="store_true")
    chosen = arguments.parse_args()

    application = make_application([])
    desk = fakes.FakeDesk()
    panel = MainWindow(desk) if chosen.window else ConversationPanel(desk)
    view = panel.conversation.view if isinstance(panel, MainWindow) else panel.view
    panel.resize(1280 if chosen.window else 900, 1000)
    panel.show()
    panel.show_state(fakes.qwen_loaded())
    settle(application)
    gc.freeze()  # as the window does after its first picture
    process = psutil.Process()
    before = process.memory_info().rss

    state = replace(fakes.qwen_loaded(), chat=conversations.long_conversation(chosen.tokens))
    start, worked = time.perf_counter(), time.thread_time()
    panel.show_state(state)
    view.viewport().repaint()
    opened_ms, opened_work_ms = (time.perf_counter() - start) * 1000, (time.thread_time() - worked) * 1000

    beat = Heartbeat()
    feeder = Feeder(panel, state, chosen.speed)
    beat.start()
    QTimer.singleShot(int(chosen.seconds * 1000), application.quit)
    application.exec()

    memory, own = process.memory_info().rss, process.memory_full_info().uss
    print(f"history              {chosen.tokens:>10,} tokens, {len(state.chat.messages):,} messages")
    print(f"opened in            {opened_ms:>10.0f} ms, {opened_work_ms:.0f} ms of processor time")
    print(f"streamed             {feeder.tokens:>10,} tokens in {chosen.seconds:.0f} s")
    print("                          p50      p99    worst")
    print(f"event loop late      {quantiles(beat.late_ms)}")
    print(f"processor time       {quantiles(beat.worked_ms)} between two beats")
    print(f"show_state           {quantiles(feeder.show_ms)}")
    for_chat = (memory - before) / 1e6
    print(f"memory               {memory / 1e6:>10.0f} MB, of which {for_chat:.0f} MB for the chat")
    print(f"                     {own / 1e6:>10.0f} MB are its own: the rest are Qt's files, shared")
    print(f"load average         {os.getloadavg()[0]:>10.1f} on {os.cpu_count()} processors")


def settle(application: QApplication) -> None:
    """Let everything be drawn that is waiting to be."""
    for _ in range(10):
        application.processEvents()


if __name__ == "__main__":
    main()
