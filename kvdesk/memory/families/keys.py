"""Typed reading of a header's keys, with one error for what a model cannot be without."""

from kvdesk.errors import Corrupt
from kvdesk.gguf.header import ArrayValue, Header


class Keys:
    """The keys of one header under its architecture's prefix (llama_model_loader::get_key)."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.prefix = header.architecture

    def has(self, suffix: str) -> bool:
        """Whether the file carries the key."""
        return self.header.arch(suffix, None) is not None

    def number(self, suffix: str, default: int | None = None) -> int:
        """A whole number. Raises Corrupt when it is missing without default, or not a number."""
        value = self.header.arch(suffix, default)
        if isinstance(value, ArrayValue):
            values = self.header.array(f"{self.prefix}.{suffix}")
            value = values[0] if values else default
        if value is None or isinstance(value, str):
            raise Corrupt(
                "The file has no number “{key}”, which llama.cpp needs.",
                "It may be cut short or made by a broken converter; fetch it again.",
                key=f"{self.prefix}.{suffix}",
            )
        return int(value)

    def real(self, suffix: str, default: float) -> float:
        """A number; the default when it is missing or something else."""
        value = self.header.arch(suffix, default)
        return float(value) if isinstance(value, int | float) else default

    def text(self, suffix: str) -> str:
        """A string, empty when missing."""
        value = self.header.arch(suffix, "")
        return value if isinstance(value, str) else ""

    def sequence(self, suffix: str) -> tuple[int, ...] | None:
        """An array of whole numbers or flags, None when the key is missing or a scalar."""
        value = self.header.arch(suffix, None)
        if not isinstance(value, ArrayValue):
            return None
        return tuple(int(item) for item in self.header.array(f"{self.prefix}.{suffix}"))

    def per_layer(self, suffix: str, n_layers: int, default: int = 0) -> list[int]:
        """One number a layer from an array or a scalar (get_key_or_arr); a short array leaves the default."""
        values = self.sequence(suffix)
        if values is None:
            return [self.number(suffix, default)] * n_layers
        return [values[index] if index < len(values) else default for index in range(n_layers)]
