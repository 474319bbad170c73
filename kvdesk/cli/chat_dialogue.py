"""The interactive half of `kvdesk chat`: a line is a message, or a command when it begins with a slash."""

import importlib
import sys
from collections.abc import Callable
from contextlib import suppress

from kvdesk.cli import chat_context, chat_editing, chat_parked, chat_sampling
from kvdesk.cli.chat_context import ContextCommands
from kvdesk.cli.chat_conversation import Conversation
from kvdesk.cli.chat_editing import EditingCommands
from kvdesk.cli.chat_parked import ParkingCommands
from kvdesk.cli.chat_sampling import SamplingCommands
from kvdesk.cli.prompting import agree, read_message, say
from kvdesk.cli.texts import t
from kvdesk.errors import Cancelled, KvDeskError

_HELP = """/help           this list
/system TEXT    set the system prompt; without a text, remove it
/clear          begin anew
/again          answer the last message anew
/quit           leave (or Ctrl-D)"""
_KEYS = "Ctrl-C stops an answer; twice leaves. A line that ends in \\ goes on in the next one."


def converse(conversation: Conversation) -> None:
    """Read messages and answer them until the user leaves. Piped lines are taken as messages, too."""
    with suppress(ImportError):  # editing and recalling lines, where the system has it
        importlib.import_module("readline")
    dialogue = _Dialogue(conversation)
    if sys.stdin.isatty():
        say(t("/help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves."))
    was_interrupted = False
    while True:
        try:
            line = read_message()
            was_interrupted = False
            if not dialogue.obey(line):
                return
        except EOFError:
            say("")
            return
        except KeyboardInterrupt:
            if was_interrupted:
                raise
            was_interrupted = True
            say("\n" + t("Ctrl-C again leaves."))


def leave(conversation: Conversation, parks: bool | None) -> None:
    """Before the end: let the chat rest on disk, as was said, as the settings say, or as is answered now."""
    parking = ParkingCommands(conversation)
    if parks is False or not parking.is_worth_it:
        return
    wish = conversation.room.settings.park
    is_wanted = parks is True or (parks is None and wish == "always")
    if parks is None and wish == "ask":
        question = t("Keep this chat on disk ({price})? [y/N] ", price=parking.price())
        is_wanted = agree(question, default=False)
    if is_wanted:
        try:
            parking.park()
        except KvDeskError as error:
            say(f"{t(error.message)} {t(error.hint)}".strip())


class _Dialogue:
    """Does what a line says."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._commands: dict[str, Callable[[str], bool]] = {
            "/help": self._help,
            "/system": self._system,
            "/clear": self._clear,
            "/again": self._again,
            "/regenerate": self._again,
            **ContextCommands(conversation).commands(),
            **EditingCommands(conversation, self._answer).commands(),
            **ParkingCommands(conversation).commands(),
            **SamplingCommands(conversation).commands(),
            "/quit": lambda _: False,
        }

    def obey(self, line: str) -> bool:
        """Answer a message or carry out a command; False when the user wants to leave."""
        word, _, rest = line.strip().partition(" ")
        if not word:
            return True
        if word.startswith("/") and word not in self._commands:
            say(t("There is no command {word}; /help lists them.", word=word))
            return True
        if word in self._commands:
            return self._carry_out(word, rest.strip())
        return self._answer(lambda: self._conversation.ask(line))

    def _carry_out(self, word: str, rest: str) -> bool:
        """Do a command; what keeps it from being done is said, and the chat goes on."""
        try:
            return self._commands[word](rest)
        except Cancelled:
            say(t("Stopped."))
        except KvDeskError as error:
            say(f"{t(error.message)} {t(error.hint)}".strip())
        return True

    def _answer(self, answer: Callable[[], None]) -> bool:
        """Answer, and where it fails for memory or the engine dies of it, offer the next step."""
        while True:
            try:
                answer()
                return True
            except Cancelled:
                return True
            except KvDeskError as error:
                say(f"{t(error.message)} {t(error.hint)}")
                remedy = self._conversation.remedy(error)
                if remedy is None:
                    return True
                if not agree(f"{t(remedy.sentence)} [Y/n] "):
                    return self._conversation.is_alive()
                self._conversation.take(remedy)
                answer = self._resume

    def _resume(self) -> None:
        self._conversation.load()
        if self._conversation.talk.is_answerable:
            self._conversation.answer()

    def _help(self, _: str) -> bool:
        say(t(_HELP))
        for group in (chat_sampling, chat_editing, chat_context, chat_parked):
            say(group.help_text())
        say(t(_KEYS))
        return True

    def _system(self, text: str) -> bool:
        self._conversation.system = text
        say(t("System prompt set.") if text else t("System prompt removed."))
        return True

    def _clear(self, _: str) -> bool:
        self._conversation.talk.said.clear()
        say(t("A new conversation."))
        return True

    def _again(self, _: str) -> bool:
        talk = self._conversation.talk
        if not len(talk):
            say(t("There is nothing to answer yet."))
            return True
        if not talk.is_answerable:
            talk.pop()
        return self._answer(self._conversation.answer)
