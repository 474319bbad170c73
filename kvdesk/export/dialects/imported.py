"""What is read out of somebody's launch command or file, and the state in which it is being read."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from kvdesk.errors import ExportError, OptionError
from kvdesk.export.exporter import EVERY_LAYER
from kvdesk.export.shells import portable_home
from kvdesk.phrases import Phrase
from kvdesk.plan.options import ALL_LAYERS, BY_NAME, LoadOptions
from kvdesk.plan.parse import read_value

LONGEST_WORD = 4096  # a path on Linux; no option is longer


@dataclass(frozen=True, slots=True)
class Imported:
    """A launch as options. `unknown` are its words that no option stands for, in order.

    `notes` are sentences about what the target does that the options do not say. `names` are those of all
    launches in the file that this one, `name`, was taken from; none where there is but one.
    """

    target: str
    model: str
    options: LoadOptions
    unknown: tuple[str, ...] = ()
    notes: tuple[Phrase, ...] = ()
    name: str = ""
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Reading:
    """The words still to be read, and what the others said."""

    words: deque[str]
    model: str = ""
    values: dict[str, object] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    notes: list[Phrase] = field(default_factory=list)
    pins: set[tuple[str, ...]] = field(default_factory=set)

    @classmethod
    def of(cls, words: Iterable[str]) -> "Reading":
        """Begin to read. Raises ExportError for a word that is no option of anything."""
        found = deque(words)
        if any(len(word) > LONGEST_WORD for word in found):
            raise ExportError(
                "A word of this launch has more than {count} characters.",
                "Paste the command alone, without prompts or grammars.",
                count=LONGEST_WORD,
            )
        return cls(found)

    def value(self, flag: str) -> str:
        """Take the next word as the flag's value. Raises OptionError at the end of the command."""
        if not self.words:
            raise OptionError("{flag} has no value.", "Write one after it, or leave the flag out.", flag=flag)
        return self.words.popleft()

    def following(self) -> list[str]:
        """Take the words up to the next flag."""
        found = []
        while self.words and not is_flag(self.words[0]):
            found.append(self.words.popleft())
        return found

    def next_words(self, count: int) -> tuple[str, ...]:
        """The next words, left where they are."""
        return tuple(islice(self.words, count))

    def read(self, name: str, text: str) -> None:
        """Set an option from text. Raises OptionError for what it does not accept."""
        self.values[name] = read_value(BY_NAME[name], text)

    def default(self, **values: object) -> None:
        """Set what the program decides by itself, where the launch says nothing."""
        self.values = values | self.values

    def as_every_layer(self) -> None:
        """Read the number that stands for every layer where a program has no word for it."""
        if self.values.get("n_gpu_layers") == EVERY_LAYER:
            self.values["n_gpu_layers"] = ALL_LAYERS
        if self.values.get("n_cpu_moe") == EVERY_LAYER:
            self.values |= {"n_cpu_moe": 0, "cpu_moe": True}

    def imported(self, target: str) -> Imported:
        """The end of it."""
        options = msgspec.structs.replace(LoadOptions(), **self.values)
        return Imported(target, portable_home(self.model), options, tuple(self.unknown), tuple(self.notes))


Setter = Callable[[Reading, list[str]], None]


def sets(name: str) -> Setter:
    """A setter of one option from one word."""

    def read(reading: Reading, words: list[str]) -> None:
        reading.read(name, words[0])

    return read


def named(setters: Mapping[str, Setter], reading: Reading, name: str, words: list[str]) -> bool:
    """Let the setter of a name take its words; False where there is none."""
    setter = setters.get(name)
    if setter is None:
        return False
    if not words:
        raise OptionError("{flag} has no value.", "Write one after it, or leave the flag out.", flag=name)
    setter(reading, words)
    return True


def is_flag(word: str) -> bool:
    """Whether a word is a flag, and no negative number."""
    return word.startswith("-") and not word[1:2].isdecimal() and len(word) > 1
