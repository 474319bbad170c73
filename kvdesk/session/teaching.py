"""What the help pages draw of the user's own model: its cache by layer and by type, its memory by device."""

from dataclasses import dataclass, replace

from kvdesk.errors import KvDeskError
from kvdesk.memory.cache_types import BY_NAME
from kvdesk.memory.kv import layer_bytes
from kvdesk.memory.report import Kind
from kvdesk.memory.shape import AttentionKind, LayerShape
from kvdesk.phrases import Phrase
from kvdesk.plan.configure import configure
from kvdesk.plan.options import HelpPage
from kvdesk.session.desk import Desk
from kvdesk.units import format_tokens

_BY_DEVICE: tuple[HelpPage, ...] = ("flash-attention", "ubatch", "offloading")
_COMPARED = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
_ATTENTIONS: dict[AttentionKind, Phrase] = {
    "full": Phrase("full"),
    "sliding": Phrase("sliding"),
    "recurrent": Phrase("recurrent"),
    "mla": Phrase("mla"),
    "shared": Phrase("shared"),
    "none": Phrase("none"),
}


@dataclass(frozen=True, slots=True)
class BarRow:
    """One bar: what it is of, and its pieces in bytes."""

    label: str  # a name, or a Phrase
    pieces: tuple[tuple[Kind, int], ...]

    @property
    def n_bytes(self) -> int:
        """Length of the whole bar."""
        return sum(size for _, size in self.pieces)


@dataclass(frozen=True, slots=True)
class Bars:
    """A picture: what it shows, and its bars from the top."""

    title: Phrase
    rows: tuple[BarRow, ...]


def bars_for(desk: Desk, page: HelpPage) -> Bars | None:
    """The picture of a page; None without a model, or where its options make no configuration."""
    if desk.opened is None:
        return None
    try:
        if page == "cache-types":
            return _by_type(desk)
        return _by_device(desk) if page in _BY_DEVICE else _by_layer(desk)
    except KvDeskError:
        return None


def _by_layer(desk: Desk) -> Bars | None:
    assert desk.opened is not None
    shape = desk.opened.shape
    config = configure(desk.state.options, shape, desk.state.devices)
    rows = []
    for layer in shape.layers:
        kept = layer_bytes(shape, config, layer, config.devices[0].backend)
        pieces = ((Kind.K, kept.k), (Kind.V, kept.v), (Kind.RECURRENT, kept.state))
        rows.append(BarRow(_layer_name(layer), _some(pieces)))
    title = Phrase(
        "What each layer of {model} keeps for {tokens} tokens",
        model=desk.opened.card.name,
        tokens=format_tokens(config.n_ctx),
    )
    return Bars(title, tuple(rows))


def _by_type(desk: Desk) -> Bars | None:
    assert desk.opened is not None
    shape = desk.opened.shape
    now = configure(desk.state.options, shape, desk.state.devices)
    rows = []
    for name in _COMPARED:
        config = replace(now, type_k=BY_NAME[name], type_v=BY_NAME[name])
        kept = [layer_bytes(shape, config, layer, config.devices[0].backend) for layer in shape.layers]
        k, v, state = (sum(sizes) for sizes in zip(*kept, strict=True))
        rows.append(BarRow(name, _some(((Kind.K, k), (Kind.V, v), (Kind.RECURRENT, state)))))
    title = Phrase(
        "The cache of {model} for {tokens} tokens, in every type",
        model=desk.opened.card.name,
        tokens=format_tokens(now.n_ctx),
    )
    return Bars(title, tuple(rows))


def _by_device(desk: Desk) -> Bars | None:
    report = desk.state.measured or desk.state.plan or desk.state.estimate
    if report is None or desk.opened is None:
        return None
    rows = []
    for device in report.devices:
        sizes: dict[Kind, int] = {}
        for item in report.items:
            if item.device == device.name:
                sizes[item.kind] = sizes.get(item.kind, 0) + item.bytes
        rows.append(BarRow(device.name, tuple(sizes.items())))
    title = Phrase("Where the memory of {model} is, by device", model=desk.opened.card.name)
    return Bars(title, tuple(rows))


def _layer_name(layer: LayerShape) -> Phrase:
    attention = _ATTENTIONS[layer.attention]
    if not layer.window_tokens:
        return Phrase("{layer} · {attention}", layer=layer.index, attention=attention)
    window = format_tokens(layer.window_tokens)
    return Phrase("{layer} · {attention} · {window}", layer=layer.index, attention=attention, window=window)


def _some(pieces: tuple[tuple[Kind, int], ...]) -> tuple[tuple[Kind, int], ...]:
    return tuple((kind, size) for kind, size in pieces if size)
