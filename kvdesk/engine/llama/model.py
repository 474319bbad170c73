"""A model in llama.cpp's memory: opened, asked about itself, and freed by its owner."""

from collections.abc import Callable, Sequence
from functools import cached_property

from kvdesk.engine import autopsy
from kvdesk.engine.llama.library import Log, llama, read_string, text_of
from kvdesk.engine.llama.parameters import ModelParameters
from kvdesk.errors import Cancelled, GgufError
from kvdesk.gguf.identity import model_identity
from kvdesk.gguf.splits import read_model
from kvdesk.memory.families import shape_of
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.options import LoadOptions


class Model:
    """Owns a llama_model*. `dry` opens it with no_alloc: its metadata and tensor sizes, but no weights.

    `devices` are ggml device handles, None for llama.cpp's own choice. `on_progress` gets the fraction of
    the weights that is in; `is_cancelled` is asked as often. `log` gets the lines of the load.
    Raises StartFailed or a GgufError naming what is wrong with the file, OutOfMemory, Cancelled.
    """

    def __init__(
        self,
        path: str,
        options: LoadOptions,
        devices: Sequence[int] | None,
        log: Log,
        *,
        dry: bool = False,
        on_progress: Callable[[float], None] | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        def progress(fraction: float) -> bool:
            if on_progress is not None:
                on_progress(fraction)
            return not is_cancelled()

        self.path = path
        self.handle: int = 0
        # The structs must outlive the model: it keeps the pointer to the overrides.
        self._parameters = ModelParameters(options, devices, dry=dry, progress=progress)
        with log.record(verbose=not dry) as lines:
            handle = llama.llama_model_load_from_file(path.encode(), self._parameters.struct)
        if not handle:
            if is_cancelled():
                raise Cancelled
            raise autopsy.load_error(path, lines)
        self.handle = handle
        self.log_lines = tuple(lines)
        self.vocab: int = llama.llama_model_get_vocab(handle)

    @property
    def n_vocab(self) -> int:
        """Entries of the vocabulary."""
        return int(llama.llama_vocab_n_tokens(self.vocab))

    @property
    def n_ctx_train(self) -> int:
        """Tokens of context the model was trained for."""
        return int(llama.llama_model_n_ctx_train(self.handle))

    @property
    def description(self) -> str:
        """llama.cpp's line about the model: "llama 8B Q4_K - Medium"."""
        return read_string(llama.llama_model_desc, self.handle)

    @property
    def chat_template(self) -> str:
        """The Jinja template in the file, "" when there is none."""
        return text_of(llama.llama_model_chat_template(self.handle, None))

    @cached_property
    def shape(self) -> ModelShape | None:
        """The model's shape by our own reading; None for a file that llama.cpp opens and we cannot read."""
        try:
            return shape_of(read_model(self.path))
        except GgufError:
            return None

    @cached_property
    def identity(self) -> str:
        """The model's content in short, for what is of use with this model alone. Raises GgufError."""
        return model_identity(read_model(self.path))

    def metadata(self, key: str) -> str:
        """A metadata value as text, "" when the key is missing."""
        return read_string(llama.llama_model_meta_val_str, self.handle, key.encode())

    def close(self) -> None:
        """Free the model. Its contexts must have been closed before."""
        if self.handle:
            llama.llama_model_free(self.handle)
            self.handle = 0
