"""The interactive half of `kvdesk chat`: a line is a message, or a command when it begins with a slash."""

import importlib
import sys
from collections.abc import Callable
from contextlib import suppress

from kvdesk.cli.chat_conversation import Conversation
from kvdesk.cli.texts import t
from kvdesk.errors import Cancelled, KvDeskError

_HELP = """/help           this list
/system TEXT    set the system prompt; without a text, remove it
/clear          begin anew
/again          answer the last message anew
/quit           leave (or Ctrl-D)
Ctrl-C stops an answer; twice leaves. A line that ends in \\ goes on in the next one."""


def converse(conversation: Conversation) -> None:
    """Read messages and answer them until the user leaves. Piped lines are taken as messages, too."""
    with suppress(ImportError):  # editing and recalling lines, where the system has it
        importlib.import_module("readline")
    dialogue = _Dialogue(conversation)
    if sys.stdin.isatty():
        _say(t("/help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves."))
    was_interrupted = False
    while True:
        try:
            line = _read()
            was_interrupted = False
            if not dialogue.obey(line):
                return
        except EOFError:
            _say("")
            return
        except KeyboardInterrupt:
            if was_interrupted:
                raise
            was_interrupted = True
            _say("\n" + t("Ctrl-C again leaves."))


class _Dialogue:
    """Does what a line says."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._commands: dict[str, Callable[[str], bool]] = {
            "/help": self._help,
            "/system": self._system,
            "/clear": self._clear,
            "/again": self._again,
            "/quit": lambda _: False,
        }

    def obey(self, line: str) -> bool:
        """Answer a message or carry out a command; False when the user wants to leave."""
        word, _, rest = line.strip().partition(" ")
        if not word:
            return True
        if word.startswith("/") and word not in self._commands:
            _say(t("There is no command {word}; /help lists them.", word=word))
            return True
        if word in self._commands:
            return self._commands[word](rest.strip())
        return self._answer(lambda: self._conversation.ask(line))

    def _answer(self, answer: Callable[[], None]) -> bool:
        """Answer, and where the engine dies of it, offer to load the model again and go on."""
        while True:
            try:
                answer()
                return True
            except Cancelled:
                return True
            except KvDeskError as error:
                _say(f"{t(error.message)} {t(error.hint)}")
                if self._conversation.is_alive():
                    return True
                if not _agree(t("Load the model again and go on? [Y/n] ")):
                    return False
                answer = self._resume

    def _resume(self) -> None:
        self._conversation.load()
        if self._conversation.is_answerable:
            self._conversation.answer()

    def _help(self, _: str) -> bool:
        _say(t(_HELP))
        return True

    def _system(self, text: str) -> bool:
        self._conversation.system = text
        _say(t("System prompt set.") if text else t("System prompt removed."))
        return True

    def _clear(self, _: str) -> bool:
        self._conversation.messages.clear()
        _say(t("A new conversation."))
        return True

    def _again(self, _: str) -> bool:
        messages = self._conversation.messages
        if not messages:
            _say(t("There is nothing to answer yet."))
            return True
        if messages[-1].role == "assistant":
            messages.pop()
        return self._answer(self._conversation.answer)


def _read() -> str:
    """A message; a backslash at the end of a line joins the next one to it."""
    prompt = "> " if sys.stdin.isatty() else ""
    lines = [input(prompt)]
    while lines[-1].endswith("\\"):
        lines[-1] = lines[-1][:-1]
        lines.append(input(". " if prompt else ""))
    return "\n".join(lines)


def _agree(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    try:
        return input(question).strip().lower() in {"", "y", "yes"}
    except EOFError:
        return False


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
