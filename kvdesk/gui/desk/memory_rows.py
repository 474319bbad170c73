"""What the memory table says, worked out from the three degrees of truth; nothing here draws."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from kvdesk.gui.own_language import translated
from kvdesk.memory.report import TOTAL_KINDS, Degree, Device, Kind, MemoryReport
from kvdesk.session.state import DeskState
from kvdesk.units import MIB, format_tokens

translate = QCoreApplication.translate

DEGREES: tuple[Degree, ...] = ("estimate", "plan", "measurement")
_WORTH_MARKING = MIB // 2  # what shows in figures of whole MiB
OTHER_KINDS = (Kind.WORK_BUFFER, Kind.VOCABULARY, Kind.PROCESS, Kind.DEVICE_CONTEXT)
# Each row and each segment of a bar: the kinds it sums.
ROW_KINDS: tuple[tuple[Kind, ...], ...] = (*((kind,) for kind in TOTAL_KINDS), OTHER_KINDS, (Kind.MARGIN,))


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One kind of memory on one device. `sizes` are bytes by degree, None where they are not known."""

    kind: Kind
    label: str
    sizes: tuple[int | None, int | None, int | None]
    whys: tuple[str, str, str]
    is_rough: bool = False  # the estimate is no more than that

    def differs(self, degree: int) -> bool:
        """Whether this degree's figure is another than that of the degree before it, as MiB are printed."""
        here, before = self.sizes[degree], self.sizes[degree - 1] if degree else None
        return here is not None and before is not None and abs(here - before) >= _WORTH_MARKING


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """One device: what is taken of it by the configuration on the desk, and what it could give.

    `limit_bytes` is what may be used: memory free now, what this program itself holds there credited
    back, less `margin_bytes`, kept for other programs. None where the free memory is not known.
    """

    device: Device
    rows: tuple[MemoryRow, ...]
    segments: tuple[tuple[Kind, int], ...]
    needed_bytes: int
    limit_bytes: int | None
    margin_bytes: int

    @property
    def is_over(self) -> bool:
        """Whether more is needed than may be used."""
        return self.limit_bytes is not None and self.needed_bytes > self.limit_bytes

    @property
    def planned_bytes(self) -> int:
        """What is expected before loading: planned where llama.cpp speaks of it, else estimated."""
        estimated_or_planned = (
            row.sizes[1] if row.sizes[1] is not None else row.sizes[0] for row in self.rows
        )
        return sum(size or 0 for size in estimated_or_planned)


def is_loaded_as_chosen(state: DeskState) -> bool:
    """Whether the model in the engine is the one on the desk, with the options on the desk."""
    loaded = state.engine.loaded
    if loaded is None or state.model is None or loaded.path != state.model.path:
        return False
    return loaded.options in (state.options, state.plan_options)


def shown_report(state: DeskState) -> MemoryReport | None:
    """Return the truest report of what is chosen on the desk."""
    if state.measured is not None and is_loaded_as_chosen(state):
        return state.measured
    return state.plan or state.estimate


def device_uses(state: DeskState, reserve_bytes: int = 0) -> tuple[DeviceUse, ...]:
    """Return every device worth showing, GPUs first: those of this machine and those the reports name.

    `reserve_bytes` is kept free on each for other programs.
    """
    reports = (state.estimate, state.plan, state.measured)
    devices = {device.name: device for report in reports if report for device in report.devices}
    order = {device.name: device for device in state.devices} | {
        name: device for name, device in devices.items() if name not in {d.name for d in state.devices}
    }
    uses = [_device_use(state, device, reports, reserve_bytes) for device in order.values()]
    has_figures = any(use.rows for use in uses)
    return tuple(use for use in uses if use.rows or use.device.kind != "cpu" or not has_figures)


def _device_use(
    state: DeskState, device: Device, reports: tuple[MemoryReport | None, ...], reserve_bytes: int
) -> DeviceUse:
    shown = shown_report(state)
    segments = tuple(
        (kinds[0], size) for kinds in ROW_KINDS if (size := _sum(shown, device.name, kinds) or 0) > 0
    )
    limit = None
    if device.free_bytes is not None:
        limit = max(0, device.free_bytes - reserve_bytes)
    rows = tuple(_row(state, device, kinds, reports) for kinds in ROW_KINDS)
    return DeviceUse(
        device,
        tuple(row for row in rows if any(row.sizes)),
        segments,
        sum(size for _, size in segments),
        limit,
        reserve_bytes,
    )


def _row(
    state: DeskState, device: Device, kinds: tuple[Kind, ...], reports: tuple[MemoryReport | None, ...]
) -> MemoryRow:
    sizes = tuple(_sum(report, device.name, kinds) for report in reports)
    whys = tuple(_why(report, device.name, kinds) for report in reports)
    is_rough = kinds[0] is Kind.COMPUTE and state.model is not None and state.model.is_rough
    return MemoryRow(kinds[0], _label(state, kinds), sizes, whys, is_rough)  # type: ignore[arg-type]  # three reports


def _sum(report: MemoryReport | None, device: str, kinds: tuple[Kind, ...]) -> int | None:
    """Sum the items; what a report does not speak of is unknown, except that it speaks of all total kinds."""
    if report is None:
        return None
    sizes = [item.bytes for item in report.items if item.device == device and item.kind in kinds]
    return sum(sizes) if sizes or kinds[0] in TOTAL_KINDS else None


def _why(report: MemoryReport | None, device: str, kinds: tuple[Kind, ...]) -> str:
    if report is None:
        return ""
    return "\n".join(
        f"{item.bytes / MIB:,.2f} MiB  {translated(item.why)}"
        for item in report.items
        if item.device == device and item.kind in kinds
    )


def _label(state: DeskState, kinds: tuple[Kind, ...]) -> str:
    if kinds[0] is Kind.K and (cells := chosen_cells(state)):
        return translate("DeviceMemory", "K cache, {cells} cells").format(cells=format_tokens(cells))
    return kind_label(kinds[0])


def chosen_cells(state: DeskState) -> int:
    """The context of the configuration on the desk, as llama.cpp pads it where that is known."""
    loaded = state.engine.loaded
    if loaded is not None and is_loaded_as_chosen(state):
        return loaded.options.ctx_size
    if state.plan_options is not None and state.plan is not None:
        return state.plan_options.ctx_size
    return state.options.ctx_size or (state.model.n_ctx_train if state.model else 0)


def kind_label(kind: Kind) -> str:
    """Name a kind of memory for people."""
    names = {
        Kind.WEIGHTS: translate("DeviceMemory", "Weights"),
        Kind.K: translate("DeviceMemory", "K cache"),
        Kind.V: translate("DeviceMemory", "V cache"),
        Kind.RECURRENT: translate("DeviceMemory", "State"),
        Kind.COMPUTE: translate("DeviceMemory", "Compute"),
        Kind.OUTPUT: translate("DeviceMemory", "Output"),
        Kind.MARGIN: translate("DeviceMemory", "Margin"),
    }
    return names.get(kind, translate("DeviceMemory", "Other"))


def device_title(device: Device) -> str:
    """Name a device for people: a GPU by its product's name, the host as this computer."""
    if device.kind == "cpu":
        return translate("DeviceMemory", "This computer")
    name = device.description or device.name
    return name.removeprefix("NVIDIA ").removeprefix("GeForce ").removesuffix(" GPU")
