"""The longest stalls of the window's event loop while the built-in model answers.

Run by hand under a display: `python tests/bench/stalls.py [TOKENS]`. The window is watched from its start:
first picture, load, answers. Bar: 50 ms. On a machine where others work too, look at the own times: they
leave out what the loop waited for a processor.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QTimer

sys.path.insert(0, str(Path(__file__).parents[2]))

from kvdesk.app import SWITCH_S, make_desk
from kvdesk.gui import theme
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.run import AfterFirstPaint, make_application, start
from kvdesk.gui.stall_watch import StallWatch
from kvdesk.session import actions
from kvdesk.session.state import Phase

PROMPT = "Tell me a story in 200 sentences."


class Run:
    """Loads the model, then asks for stories until enough tokens were written."""

    def __init__(self, window: MainWindow, desk: object, wanted_tokens: int) -> None:
        self.window, self.desk, self.wanted = window, desk, wanted_tokens
        self.watch = StallWatch(window)
        self.timer = QTimer(window)
        self.timer.timeout.connect(self.step)
        self.timer.start(50)

    def step(self) -> None:
        state = self.desk.state
        if state.model is None or state.opening or actions.is_busy(self.desk):
            return
        if state.engine.loaded is None:
            if state.engine.phase in (Phase.ABSENT, Phase.IDLE):
                actions.load_model(self.desk)
            return
        if self.tokens() < self.wanted:
            actions.send_message(self.desk, PROMPT)
        else:
            self.window.close()

    def tokens(self) -> int:
        chat = self.desk.state.chat
        messages = chat.messages if chat else ()
        return sum(message.figures.completion_tokens for message in messages if message.figures)


def main(wanted_tokens: int) -> None:
    """Print the longest stalls, those of the window's own work first."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KVDESK_HOME"] = folder
        sys.setswitchinterval(SWITCH_S)
        application = make_application([])
        theme.current()
        desk = make_desk()
        window = MainWindow(desk)
        run = Run(window, desk, wanted_tokens)
        AfterFirstPaint(window, lambda: start(desk, window, "demo"))
        window.show()
        application.exec()
        desk.close()
    print(f"{run.tokens()} tokens, {len(run.watch.stalls)} stalls of 20 ms or more")
    for name, key in (
        ("own", lambda s: s.own_ms),
        ("busy", lambda s: s.busy_ms),
        ("late", lambda s: s.late_ms),
    ):
        print(f"longest by {name}:")
        for stall in sorted(run.watch.stalls, key=key, reverse=True)[:3]:
            print(f"  {stall}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokens", type=int, nargs="?", default=2000)
    main(parser.parse_args().tokens)
