"""The dry run: llama.cpp builds a context for an open model and says what it would allocate."""

import time
from collections.abc import Callable

import msgspec

from kvdesk.engine.llama import devices
from kvdesk.engine.llama.breakdown import Breakdown, break_down
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import Log, llama
from kvdesk.engine.llama.model import Model
from kvdesk.engine.llama.parameters import MODEL_OPTIONS
from kvdesk.engine.protocol import DryRun, Planned
from kvdesk.memory.report import HOST, Item, Kind, MemoryReport
from kvdesk.plan.options import LoadOptions


class Planner:
    """Keeps one model open without its weights and answers any number of configurations of it.

    The model is opened again when the file or an option that belongs to it changes; all else costs a few
    milliseconds.
    """

    def __init__(self, log: Log, rpc: devices.RpcServers) -> None:
        self._log = log
        self._rpc = rpc
        self._key: tuple[object, ...] | None = None
        self._model: Model | None = None

    def plan(self, command: DryRun, is_cancelled: Callable[[], bool]) -> Planned:
        """Answer one configuration. Raises what `Model` and `Context` raise."""
        started_s = time.perf_counter()
        chosen = devices.choose(command.options.device, self._rpc.handles(command.options.rpc))
        model = self._open(command.model, command.options, chosen, is_cancelled)
        context = Context(model, command.options, self._log)
        try:
            present = devices.list_devices(devices.all_handles() if chosen is None else chosen)
            result = break_down(context, present, "plan", started_s)
            if _loses_hints(result.report, context):
                result = _doubt_compute(result)
            return Planned(
                id=command.id,
                report=result.report,
                options=context.options,
                n_ctx_seq=context.n_ctx_seq,
                notes=result.notes,
            )
        finally:
            context.close()

    def close(self) -> None:
        """Free the model."""
        if self._model is not None:
            self._model.close()
        self._model = self._key = None

    def _open(
        self, path: str, options: LoadOptions, chosen: list[int] | None, is_cancelled: Callable[[], bool]
    ) -> Model:
        key = (path, *(getattr(options, name) for name in MODEL_OPTIONS))
        if self._model is None or key != self._key:
            self.close()
            self._model = Model(path, options, chosen, self._log, dry=True, is_cancelled=is_cancelled)
            self._key = key
        return self._model


def _loses_hints(report: MemoryReport, context: Context) -> bool:
    """Whether llama.cpp measured another graph than it will run.

    With every layer offloaded it pins each layer's norm to the layer's device while it builds the graph
    (llama_context::graph_get_cb), and ggml_backend_sched_reserve_size, which only the dry run calls, forgets
    the pin. At the border of two devices the norm may then be computed on the earlier one, and its result is
    one more input to copy.
    """
    n_layers = llama.llama_model_n_layer(context.model.handle)
    is_full = context.options.n_gpu_layers < 0 or context.options.n_gpu_layers > n_layers
    return is_full and len({item.device for item in report.items} - {HOST.name}) > 1


def _doubt_compute(result: Breakdown) -> Breakdown:
    def doubt(item: Item) -> Item:
        is_doubtful = item.kind is Kind.COMPUTE and item.device != HOST.name
        return msgspec.structs.replace(item, exactness="formula") if is_doubtful else item

    report = msgspec.structs.replace(result.report, items=tuple(map(doubt, result.report.items)))
    note = (
        "llama.cpp's dry run forgets where a layer's norm is computed: with several devices, compute "
        "may be over by a few copies of a ubatch."
    )
    return Breakdown(report, (*result.notes, note))
