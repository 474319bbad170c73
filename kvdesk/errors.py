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

from kvdesk.phrases import Phrase


class KvDeskError(Exception):
    """Base of every error that is shown to the user.

    `message` and `hint` are English templates with `{name}` fields, filled from `values`; or phrases that
    are made already.
    """

    def __init__(self, message: str, hint: str = "", **values: object) -> None:
        super().__init__(message, hint)
        self.message = Phrase(message, **values)
        self.hint = Phrase(hint, **values)

    @property
    def kind(self) -> str:
        """The class name, the stable key in JSON output."""
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


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
