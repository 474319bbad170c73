"""The longest stalls of the window's event loop: while the built-in model answers, then at each thing done.

Run by hand under a display: `python tests/bench/stalls.py [TOKENS] [--stacks]`. The window is watched from
its start: first picture, load, answers; then every dialog is opened and closed and the theme, the size of
text and the language are changed, twice, one a second. Bar: 50 ms. On a machine where others work too, look
at the own times, which leave out what the loop waited for a processor, and at the busy ones, for which it
computed.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QDialog

sys.path.insert(0, str(Path(__file__).parents[2]))

from kvdesk.app import SWITCH_S, make_desk
from kvdesk.gui import theme
from kvdesk.gui.run import Shell, make_application
from kvdesk.gui.stall_watch import Stall, StallWatch
from kvdesk.gui.theme import Choice
from kvdesk.session import actions
from kvdesk.session.state import Phase

PROMPT = "Tell me a story in 200 sentences."
EACH_MS = 1000


class Run:
    """Loads the model, asks for stories until enough tokens were written, then does all else there is."""

    def __init__(self, shell: Shell, wanted_tokens: int, *, with_stacks: bool) -> None:
        self.shell, self.wanted, self.with_stacks = shell, wanted_tokens, with_stacks
        self.watch = StallWatch(shell)
        self.steps: Iterator[tuple[str, Callable[[], object]]] = iter(self.things() * 2)
        self.timer = QTimer(shell)
        self.timer.timeout.connect(self.answer)
        self.timer.start(50)

    def answer(self) -> None:
        desk = self.shell.desk
        state = desk.state
        if state.model is None or state.opening or actions.is_busy(desk):
            return
        if state.engine.loaded is None:
            if state.engine.phase in (Phase.ABSENT, Phase.IDLE):
                actions.load_model(desk)
        elif self.tokens() < self.wanted:
            actions.send_message(desk, PROMPT)
        else:
            self.timer.stop()
            self.report("start, load and answers")
            self.next()

    def next(self) -> None:
        name, do = next(self.steps, ("", self.end))
        self.watch.stalls.clear()
        if name:
            QTimer.singleShot(EACH_MS, self.shell, lambda: (self.report(name), self.next()))
        do()

    def end(self) -> None:
        self.shell.window.leave()

    def report(self, name: str) -> None:
        stalls = self.watch.stalls
        worst = max(stalls, key=lambda stall: stall.own_ms, default=Stall(0, 0, 0))
        busy, late = (max((of(stall) for stall in stalls), default=0) for of in (_busy_ms, _late_ms))
        print(f"{name:26} busy {busy:6.1f} ms, own {worst.own_ms:6.1f} ms, late {late:6.1f} ms", flush=True)
        if self.with_stacks and worst.own_ms > 40:
            print(worst)

    def things(self) -> list[tuple[str, Callable[[], object]]]:
        def close() -> None:
            for dialog in self.shell.window.findChildren(QDialog):
                if dialog.isVisible():
                    dialog.reject()

        def others() -> object:
            return self.shell.window.others

        def text(percent: int) -> None:
            actions.set_setting(self.shell.desk, "text_percent", percent)
            self.shell.renew()

        def language(name: str) -> None:
            actions.set_setting(self.shell.desk, "language", name)
            self.shell.renew()

        opened = [
            ("settings", lambda: others().show_settings()),
            ("chat settings", lambda: others().show_chat_settings()),
            ("launch command", lambda: others().show_export()),
            ("paste a command", lambda: others().show_import()),
            ("lens", lambda: others().show_lens()),
            ("ledger", lambda: others().show_ledger()),
            ("help", lambda: others().show_help()),
            ("large graph", lambda: others().show_history()),
        ]
        steps = []
        for name, show in opened:
            steps += [(f"{name}, opened", show), (f"{name}, closed", close)]
        return [
            *steps,
            ("dark", lambda: theme.current().set_choice(Choice.DARK)),
            ("light", lambda: theme.current().set_choice(Choice.LIGHT)),
            ("chats hidden", lambda: self.shell.window.toggle_chats()),
            ("chats shown", lambda: self.shell.window.toggle_chats()),
            ("text at 150 %", lambda: text(150)),
            ("text at 100 %", lambda: text(100)),
            ("Chinese", lambda: language("zh_CN")),
            ("English", lambda: language("en")),
            ("a new chat", lambda: actions.new_chat(self.shell.desk)),
            ("the long chat again", lambda: actions.open_chat(self.shell.desk, self.long_chat())),
        ]

    def long_chat(self) -> int:
        return max(self.shell.desk.state.chats, key=lambda chat: chat.tokens or 0).id

    def tokens(self) -> int:
        chat = self.shell.desk.state.chat
        messages = chat.messages if chat else ()
        return sum(message.figures.completion_tokens for message in messages if message.figures)


def _busy_ms(stall: Stall) -> float:
    return stall.busy_ms


def _late_ms(stall: Stall) -> float:
    return stall.late_ms


def main(wanted_tokens: int, *, with_stacks: bool) -> None:
    """Print the longest stall at each thing done."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KVDESK_HOME"] = folder
        (Path(folder) / "settings.toml").write_text(
            'has_seen_tour = true\ntheme = "light"\nlanguage = "en"\n'
        )
        sys.setswitchinterval(SWITCH_S)
        application = make_application([])
        theme.current()
        shell = Shell(application, make_desk, "demo")
        run = Run(shell, wanted_tokens, with_stacks=with_stacks)
        application.exec()
        del run  # it has lived until here: the timer knows it weakly
        shell.desk.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokens", type=int, nargs="?", default=2000)
    parser.add_argument("--stacks", action="store_true", help="print where the loop was in a long stall")
    chosen = parser.parse_args()
    main(chosen.tokens, with_stacks=chosen.stacks)
