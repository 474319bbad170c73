"""Turns the pieces of generated tokens into text that can be shown: whole characters, without stop strings,
with what the model thought kept apart from what it says."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

# How models mark what they think, as written in their templates: (opening, closing).
REASONING_MARKS = (
    ("<think>", "</think>"),  # Qwen, DeepSeek, GLM, SmolLM, Nemotron
    ("<|channel|>analysis<|message|>", "<|end|>"),  # gpt-oss
    ("<|channel>thought\n", "<channel|>"),  # Gemma 4
    ("[THINK]", "[/THINK]"),  # Ministral, Magistral
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("<mm:think>", "</mm:think>"),  # MiniMax M3
    ("<think:opensource>", "</think:opensource>"),  # Hunyuan 3
)
# Markup around the answer itself, which is neither thought nor said.
_ANSWER_MARKS = (
    "<|start|>assistant<|channel|>final<|message|>",
    "<|channel|>final<|message|>",
    "<|START_RESPONSE|>",
    "<|END_RESPONSE|>",
)
_OPENING_MARKS = (*(opening for opening, _ in REASONING_MARKS), *_ANSWER_MARKS)
_ALL_MARKS = (*_OPENING_MARKS, *(closing for _, closing in REASONING_MARKS))


class Characters:
    """Joins bytes into text; a character whose bytes come in several pieces waits for the last of them.

    Bytes that are no UTF-8 become the replacement character.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, piece: bytes) -> str:
        """Return the characters that are complete now."""
        return self._decoder.decode(piece)

    def flush(self) -> str:
        """Return what is left; a half character becomes the replacement character."""
        return self._decoder.decode(b"", final=True)


@dataclass(slots=True)
class Shown:
    """Some text to show. `is_stopped` says that a stop string was met, so that nothing will follow."""

    text: str = ""
    reasoning: str = ""
    is_stopped: bool = False

    def __bool__(self) -> bool:
        return bool(self.text or self.reasoning)


class AnswerText:
    """The text of one answer as it grows.

    Text that might be the beginning of a stop string or of a mark is held back until it is clear what it is.
    `closing` is the mark that ends a reasoning block which the prompt has opened already. Stop strings count
    in what is said, not in what is thought.
    """

    def __init__(self, stops: Sequence[str] = (), closing: str = "") -> None:
        self._stops = tuple(filter(None, stops))
        self._closing = closing  # the mark that ends the block under way; "" when there is none
        self._said: list[str] = []
        self._thought: list[str] = []
        self._has_begun = False  # something has been said, so that no block can open any more
        self._held = ""
        self._characters = Characters()

    @classmethod
    def after_prompt(cls, prompt: str, stops: Sequence[str]) -> Self:
        """The text of an answer to a prompt, whose end may have opened a reasoning block."""
        end = prompt.rstrip()
        closings = (closing for opening, closing in REASONING_MARKS if end.endswith(opening.rstrip()))
        return cls(stops, next(closings, ""))

    @property
    def text(self) -> str:
        """What has been said."""
        return "".join(self._said)

    @property
    def reasoning(self) -> str:
        """What has been thought."""
        return "".join(self._thought)

    @property
    def is_reasoning(self) -> bool:
        """Whether the model is thinking now."""
        return bool(self._closing)

    def feed(self, piece: bytes, *, is_control: bool = False) -> Shown:
        """Add a token's bytes and return what can be shown now.

        Control tokens are markup: they count as part of a mark and are never shown.
        """
        if is_control and not self._could_be_mark(piece):
            return Shown()
        characters = self._characters.feed(piece)
        if not characters:
            return Shown()
        if self._has_begun and not (self._held or self._stops or self._closing):
            self._said.append(characters)  # nothing to look out for: so it is with nearly every token
            return Shown(characters)
        self._held += characters
        return self._release(is_last=False)

    def flush(self) -> Shown:
        """The answer has ended: return what was held back."""
        self._held += self._characters.flush()
        return self._release(is_last=True)

    def _release(self, *, is_last: bool) -> Shown:
        shown = Shown()
        while self._held:
            watched = self._watched()
            place, mark = _first(self._held, watched)
            if mark is None:
                keep = 0 if is_last else _possible_beginning(self._held, watched)
                self._show(shown, self._held[: len(self._held) - keep])
                self._held = self._held[len(self._held) - keep :]
                break
            self._show(shown, self._held[:place])
            if self._has_begun and mark in _OPENING_MARKS and mark not in self._stops:
                self._held = self._held[place:]  # what stood before it makes it a word like others
                continue
            self._held = self._held[place + len(mark) :]
            if mark in self._stops and not self._closing:
                shown.is_stopped, self._held = True, ""
            else:
                self._turn(mark)
        return shown

    def _watched(self) -> Sequence[str]:
        """What would change the state now. A block can only open before anything was said."""
        if self._closing:
            return (self._closing,)
        return self._stops if self._has_begun else (*self._stops, *_OPENING_MARKS)

    def _could_be_mark(self, piece: bytes) -> bool:
        text = piece.decode(errors="replace")
        return not (self._has_begun and not self._closing) and any(text in mark for mark in _ALL_MARKS)

    def _turn(self, mark: str) -> None:
        self._closing = "" if self._closing else dict(REASONING_MARKS).get(mark, "")

    def _show(self, shown: Shown, text: str) -> None:
        if self._closing:
            text = text if self._thought else text.lstrip()
            shown.reasoning += text
            self._thought += [text] if text else []
        else:
            # The line breaks between a thought and the answer belong to neither.
            text = text.lstrip() if self._thought and not self._said else text
            shown.text += text
            self._said += [text] if text else []
            self._has_begun = self._has_begun or bool(text.strip())


def _first(text: str, marks: Sequence[str]) -> tuple[int, str | None]:
    """The place and the mark that occurs first; of two at one place the longer one."""
    found = [(text.find(mark), -len(mark), mark) for mark in marks if mark in text]
    return (min(found)[0], min(found)[2]) if found else (-1, None)


def _possible_beginning(text: str, marks: Sequence[str]) -> int:
    """How many characters at the end could still become one of the marks."""
    longest = max((len(mark) for mark in marks), default=1) - 1
    for length in range(min(longest, len(text)), 0, -1):
        end = text[-length:]
        if any(mark.startswith(end) for mark in marks):
            return length
    return 0
