"""Every error a user can meet: what happened, and what to do about it.

KvDeskError
|-- GgufError
|   |-- NotGguf              the file is something else
|   |-- UnsupportedVersion   GGUF, but a version that is not read
|   |-- Truncated            the file ends before what it announces
|   +-- Corrupt              the file contradicts itself
|-- OptionError              an option's value, or a combination llama.cpp refuses
|-- DoesNotFit               the memory asked for is not there; carries what would fit
|-- EngineError
|   |-- StartFailed          the engine process did not come up
|   |-- OutOfMemory          names the buffer and the device
|   |-- Crashed              the engine process ended by itself
|   +-- NotResponding        it is there and does not answer
|-- ProbeUnavailable         a device's counters cannot be read
|-- StoreError               conversations or settings cannot be read or written
+-- ExportError              a launch target cannot express what was asked

Cancelled                    the user said stop; never shown as an error
"""


class KvDeskError(Exception):
    """Base of every error that is shown to the user.

    `message` and `hint` are English templates with `{name}` fields, filled from `values` when they are
    printed; the template itself is the key for translation.
    """

    def __init__(self, message: str, hint: str = "", **values: object) -> None:
        super().__init__(message, hint)
        self.message_template = message
        self.hint_template = hint
        self.values = values

    @property
    def kind(self) -> str:
        """The class name, the stable key in JSON output."""
        return type(self).__name__

    @property
    def message(self) -> str:
        """What happened, in English, with its values filled in."""
        return fill(self.message_template, self.values)

    @property
    def hint(self) -> str:
        """What to do about it, in English, with its values filled in."""
        return fill(self.hint_template, self.values)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


def fill(template: str, values: dict[str, object]) -> str:
    """Fill `{name}` fields; a template without values is returned as it is, braces and all."""
    return template.format(**values) if values else template


class GgufError(KvDeskError):
    """A model file cannot be read."""


class NotGguf(GgufError):
    """The file is not a GGUF file."""


class UnsupportedVersion(GgufError):
    """A GGUF version that this program does not read."""


class Truncated(GgufError):
    """The file ends before what its header announces."""


class Corrupt(GgufError):
    """The file contradicts itself."""


class OptionError(KvDeskError):
    """An option's value is not valid, or llama.cpp refuses the combination."""


class DoesNotFit(KvDeskError):
    """The memory asked for is not there."""


class EngineError(KvDeskError):
    """The engine process failed."""


class StartFailed(EngineError):
    """The engine process did not come up, or could not load the model."""


class OutOfMemory(EngineError):
    """An allocation failed; the message names buffer and device."""


class Crashed(EngineError):
    """The engine process ended by itself."""


class NotResponding(EngineError):
    """The engine process is alive and does not answer."""


class ProbeUnavailable(KvDeskError):
    """A device's counters cannot be read."""


class StoreError(KvDeskError):
    """Conversations or settings cannot be read or written."""


class ExportError(KvDeskError):
    """A launch target cannot express what was asked."""


class Cancelled(Exception):
    """The user said stop."""
