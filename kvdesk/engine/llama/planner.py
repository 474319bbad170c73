"""The dry run: llama.cpp builds a context for an open model and says what it would allocate."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from kvdesk.engine.llama import devices
from kvdesk.engine.llama.breakdown import Breakdown, break_down
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import Log, llama
from kvdesk.engine.llama.model import Model
from kvdesk.engine.llama.parameters import MODEL_OPTIONS
from kvdesk.engine.llama.room_guard import require_room
from kvdesk.engine.protocol import DryRun, Planned
from kvdesk.memory.report import HOST, Kind, MemoryReport
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
        present = devices.list_devices(devices.local_handles() if chosen is None else chosen)
        require_room(model.shape, command.options, present)
        context = Context(model, command.options, self._log)
        try:
            result = break_down(context, present, "plan", started_s)
            if doubts := _doubts(result.report, context):
                result = _doubt_compute(result, doubts)
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
        key = (path, _age_of(path), *(getattr(options, name) for name in MODEL_OPTIONS))
        if self._model is None or key != self._key:
            self.close()
            self._model = Model(path, options, chosen, self._log, dry=True, is_cancelled=is_cancelled)
            self._key = key
        return self._model


def _age_of(path: str) -> int | None:
    """When the file was last written: a model downloaded again is another one."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:  # llama.cpp says it better
        return None


def _doubts(report: MemoryReport, context: Context) -> tuple[str, ...]:
    """Where llama.cpp's dry run is known to measure another graph than a load then reserves.

    With every layer offloaded, each layer's norm is pinned to the layer's device while the graph is built
    (llama_context::graph_get_cb); ggml_backend_sched_reserve_size, which only the dry run calls, forgets the
    pin, and at the border of two devices the norm's result may be one more input to copy. So it forgets that
    attention without a kernel is computed on the host when the cache lies there (build_attn_mha).
    Some hybrids reserve a second time for one sequence, which may need more (TAG_RESERVE_DIAG_DECAY in
    llama_context::sched_reserve); the dry run measures the first time only.
    """
    model = context.model.handle
    n_gpu_layers = context.options.n_gpu_layers
    is_full = n_gpu_layers < 0 or n_gpu_layers > llama.llama_model_n_layer(model)
    doubts = []
    used = {item.device for item in report.items} - {HOST.name}
    if is_full and len(used) > 1:
        doubts.append("With several devices, compute may be over by a few copies of a ubatch.")
    if not context.options.kv_offload and not context.flash_attn and used:
        doubts.append(
            "A load computes attention on the host, where the cache is; the dry run leaves it on the device."
        )
    if context.options.parallel > 1 and llama.llama_model_is_hybrid(model):
        doubts.append("With several sequences, some hybrid models need more compute than the dry run says.")
    return tuple(doubts)


def _doubt_compute(result: Breakdown, doubts: tuple[str, ...]) -> Breakdown:
    """Mark compute as no exact figure, for these reasons."""
    items = tuple(
        msgspec.structs.replace(item, exactness="formula") if item.kind is Kind.COMPUTE else item
        for item in result.report.items
    )
    return Breakdown(msgspec.structs.replace(result.report, items=items), (*result.notes, *doubts))
