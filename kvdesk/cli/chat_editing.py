"""The slash commands of `kvdesk chat` about its messages: which are in the context, and in what form."""

from collections.abc import Callable

import msgspec

from kvdesk.cli.chat_conversation import Conversation
from kvdesk.cli.chat_messages import Said
from kvdesk.cli.prompting import agree
from kvdesk.cli.texts import t
from kvdesk.engine.protocol import Chat, Message, TurnDone
from kvdesk.errors import OptionError
from kvdesk.plan.overflow import summary_tokens
from kvdesk.session.compacting import QUESTION, instruction
from kvdesk.session.state import ChatMessage
from kvdesk.units import format_tokens

_HELP = """/messages       the messages, numbered, with what they take
/overflow WORD  when the context is full: stop, or roll
/pin N          protect a message from falling out, or let go of it
/drop N...      leave messages out of the context; /back N... brings them back
/compact N-M    have a summary written in place of messages, and see it first
/edit N TEXT    send another text in place of message N
/regenerate     answer the last message anew"""

_PROTECTED = "Those messages are pinned, or left out already."
_LET_GO = "/messages shows them; /pin N lets go of one."
_LINE = 60  # characters of a message in the list


def help_text() -> str:
    """What the commands do, a line each."""
    return t(_HELP)


class EditingCommands:
    """Each command returns whether the chat goes on. Raises KvDeskError and Cancelled."""

    def __init__(self, conversation: Conversation, answer: Callable[[Callable[[], None]], bool]) -> None:
        self._chat = conversation
        self._answer = answer

    def commands(self) -> dict[str, Callable[[str], bool]]:
        """The commands by their words."""
        return {
            "/messages": self._messages,
            "/overflow": self._overflow,
            "/pin": self._pin,
            "/drop": self._drop,
            "/back": self._back,
            "/compact": self._compact,
            "/edit": self._edit,
        }

    def _messages(self, _: str) -> bool:
        self._count()
        rows = []
        lines = []
        for number, said in enumerate(self._chat.talk.said, 1):
            message = said.message
            marks = [
                word
                for word, holds in (
                    (t("pinned"), message.is_pinned),
                    (t("left out"), said.is_dropped),
                    (t("summary"), said.is_summary),
                )
                if holds
            ]
            rows.append(
                {
                    "number": number,
                    "role": message.role,
                    "tokens": None if said.is_dropped else said.tokens,
                    "is_pinned": message.is_pinned,
                    "is_dropped": said.is_dropped,
                    "is_summary": said.is_summary,
                    "content": message.content,
                }
            )
            text = " ".join(message.content.split())
            text = text if len(text) <= _LINE else text[: _LINE - 1] + "…"
            tokens = format_tokens(None if said.is_dropped else said.tokens)
            note = f" ({', '.join(marks)})" if marks else ""
            lines.append(f"{number:>3} {tokens:>6} {message.role:<9} {text}{note}")
        self._chat.output.told("messages", {"messages": rows}, "\n".join(lines) or t("No messages yet."))
        return True

    def _overflow(self, word: str) -> bool:
        if word == "roll":
            self._chat.overflow = "roll"
            said = t("The oldest messages fall out when the context is full; pinned ones stay.")
        elif word == "stop":
            self._chat.overflow = "stop"
            said = t("Answers stop when the context is full.")
        else:
            raise OptionError(
                "“{word}” is no way to deal with a full context.", "Write stop or roll.", word=word
            )
        self._chat.output.told("overflow_policy", {"policy": word}, said)
        return True

    def _pin(self, text: str) -> bool:
        numbers = self._chat.talk.numbers(text)
        pinned = [number for number in numbers if self._chat.talk.pin(number)]
        words = t("Pinned: {numbers}", numbers=_list(pinned)) if pinned else t("No longer pinned.")
        self._chat.output.told("pinned", {"messages": pinned}, words)
        return True

    def _drop(self, text: str) -> bool:
        self._count()
        gone = self._chat.talk.drop(self._chat.talk.numbers(text))
        if not gone:
            raise OptionError(_PROTECTED, _LET_GO)
        tokens = sum(self._chat.talk.said[number - 1].tokens or 0 for number in gone)
        words = t(
            "Left out: {numbers} with {tokens} tokens. What follows is read again with the next answer.",
            numbers=_list(gone),
            tokens=format_tokens(tokens),
        )
        self._chat.output.told("left_out", {"messages": gone, "tokens": tokens}, words)
        return True

    def _back(self, text: str) -> bool:
        numbers = self._chat.talk.numbers(text)
        self._chat.talk.bring_back(numbers)
        words = t("Back in the context: {numbers}", numbers=_list(numbers))
        self._chat.output.told("brought_back", {"messages": numbers}, words)
        return True

    def _compact(self, text: str) -> bool:
        """Write a summary beside the chat, show it, and put it in the place of the messages if wanted."""
        self._count()
        talk = self._chat.talk
        chosen = talk.whole(talk.numbers(text))
        if not chosen:
            raise OptionError(_PROTECTED, _LET_GO)
        tokens = sum(talk.said[number - 1].tokens or 0 for number in chosen)
        most = summary_tokens(tokens)
        cost = t(
            "A summary of at most {most} tokens for {count} messages with {tokens}.",
            most=format_tokens(most),
            count=len(chosen),
            tokens=format_tokens(tokens),
        )
        self._chat.output.told("summary_cost", {"tokens": tokens, "most_tokens": most}, cost)
        said = [talk.said[number - 1].message for number in chosen]
        asked = instruction(tuple(ChatMessage(0, m.role, m.content) for m in said))
        sampling = msgspec.structs.replace(self._chat.sampling, temperature=0.0, max_tokens=most)
        done = self._chat.request(
            lambda number: Chat(
                id=number, messages=(Message("user", asked),), sampling=sampling, chat="summary"
            )
        )
        assert isinstance(done, TurnDone)
        summary = done.text.strip()
        if not summary:
            raise OptionError("The model wrote no summary.", "Nothing was changed.")
        self._chat.output.told("summary", {"text": summary, "tokens": done.completion_tokens}, summary)
        if not agree(t("Put this in their place? [y/N] "), when_piped=True, default=False):
            return True
        gone = talk.drop(chosen)
        pair = (Message("user", QUESTION), Message("assistant", summary))
        talk.said[gone[-1] : gone[-1]] = [Said(message, is_summary=True) for message in pair]
        words = t(
            "{count} messages gave way to the summary; they are left out, not deleted.", count=len(gone)
        )
        self._chat.output.told("compacted", {"messages": gone}, words)
        return True

    def _edit(self, text: str) -> bool:
        word, _, rest = text.partition(" ")
        (number, *_others) = self._chat.talk.numbers(word)
        if self._chat.talk.said[number - 1].message.role != "user" or not rest.strip():
            raise OptionError(
                "Message {number} cannot be edited so.", "Name one of yours and its new text.", number=number
            )
        del self._chat.talk.said[number - 1 :]
        return self._answer(lambda: self._chat.ask(rest.strip()))

    def _count(self) -> None:
        said = self._chat.count()
        if said is not None:
            self._chat.talk.weigh(self._chat.system, said.message_tokens)


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
