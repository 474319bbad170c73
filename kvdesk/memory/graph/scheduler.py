"""Divides a graph among devices, with the copies between them (ggml_backend_sched_split_graph)."""

from collections.abc import Iterable, Mapping, Sequence

from kvdesk.memory.graph.allocator import Graph, Tensor, record
from kvdesk.memory.graph.tape import Tape


def scheduled(graph: Graph, alignments: Mapping[str, int], host: str, n_copies: int) -> Tape:
    """The allocations of all devices, which have these alignments, in their order.

    A device that reads what another made gets a copy of it at the start of its stretch of the graph. With
    `n_copies` above 1 the copies, and the inputs on the host, are kept that many times and never given up, so
    that the next batch may start before the last one ends.
    """
    assign(graph, host)
    nodes, copies = _divided(graph, n_copies)
    if n_copies == 1:
        return record(graph.inputs, nodes, alignments)
    inputs: list[Tensor] = []
    for tensor in (*(tensor for tensor in graph.inputs if not tensor.is_blank), *copies):
        tensor.is_output = True
        inputs += [tensor, *(_twin(tensor) for _ in range(n_copies - 1))]
    inputs += [tensor for tensor in graph.inputs if tensor.is_blank]
    given = set(map(id, copies))
    return record(inputs, [node for node in nodes if id(node) not in given], alignments)


def assign(graph: Graph, host: str) -> None:
    """Give every node a device: what reads no weights and writes no cache joins its neighbours.

    Other devices spread before the host does, downwards before upwards (passes 1 and 2); what is no node lies
    with its first reader (pass 4). Pass 3 is for operations that a device lacks.
    """
    nodes = [node for node in graph.nodes if not _only_shows(node)]
    for stops_at in (host, ""):
        _spread(nodes, stops_at)
        _spread(reversed(nodes), stops_at)
    for node in nodes:
        for source in node.sources:
            source.root.device = source.root.device or node.device


def _spread(nodes: Iterable[Tensor], stops_at: str) -> None:
    device = ""
    for node in nodes:
        if node.device:
            device = "" if node.device == stops_at else node.device
        else:
            node.device = device


def _twin(tensor: Tensor) -> Tensor:
    return Tensor(tensor.n_bytes, "copies of the inputs", is_input=True, is_output=True, device=tensor.device)


def _divided(graph: Graph, n_copies: int) -> tuple[list[Tensor], list[Tensor]]:
    """The nodes with the copies that each stretch on one device needs standing before it."""
    order: list[Tensor] = []
    made: list[Tensor] = []
    copies: dict[tuple[int, str], Tensor] = {}
    start, device = 0, ""
    for node in graph.nodes:
        if _only_shows(node):
            order.append(node)
            continue
        if node.device != device:
            start, device = len(order), node.device
        sources = []
        for source in node.sources:
            if _home(source) == device:
                sources.append(source)
                continue
            key = (id(source), device)
            if key not in copies:
                copy = copies[key] = Tensor(
                    source.n_bytes, "copies of the inputs", shape=source.shape, device=device
                )
                copy.is_output = n_copies > 1
                made.append(copy)
                # The original must live until the copy is made, at the start of the stretch.
                order[start:start] = [_reader(source), copy]
                start += 2
            copies[key].n_users += 1
            source.n_users -= 1
            sources.append(copies[key])
        node.sources = tuple(sources)
        order.append(node)
    return _without_idle_views(order), made


def _only_shows(node: Tensor) -> bool:
    """Whether it computes nothing (ggml_is_view_op)."""
    return node.shown is not None and node.is_view


def _home(tensor: Tensor) -> str:
    return tensor.root.device


def _reader(source: Tensor) -> Tensor:
    """A node that only reads (the view that the scheduler puts before a copy)."""
    source.n_users += 1
    return Tensor(0, "", (source,), is_outside=True, device=_home(source))


def _without_idle_views(order: Sequence[Tensor]) -> list[Tensor]:
    """Views that nobody reads any more no longer hold what they show."""
    kept = []
    for node in order:
        if node.shown is not None and _only_shows(node) and node.n_users == 0:
            node.shown.n_views -= 1
            for source in node.sources:
                source.n_users -= 1
            continue
        kept.append(node)
    return kept
