"""The devices ggml knows: what `kvdesk devices` prints, and which of them a load uses."""

import ctypes
import socket
from collections.abc import Sequence

import psutil

from kvdesk.engine.llama import ggml
from kvdesk.engine.llama.ggml import DeviceType
from kvdesk.engine.llama.library import llama, text_of
from kvdesk.errors import OptionError, StartFailed
from kvdesk.memory.report import HOST, Device, DeviceKind

CONNECT_TIMEOUT_S = 3.0


def list_devices(handles: Sequence[int]) -> tuple[Device, ...]:
    """Describe the GPUs and RPC devices among `handles` with their memory now; the host is last."""
    others = [describe(handle) for handle in handles if ggml.dev_type(handle) != DeviceType.ACCEL]
    cpu = describe(ggml.dev_by_type(DeviceType.CPU))
    # ggml calls all of the host's memory free on Linux (ggml_backend_cpu_device_get_memory).
    memory = psutil.virtual_memory()
    host = Device(HOST.name, "cpu", "cpu", memory.total, memory.available, cpu.description)
    return (*(device for device in others if device.kind != "cpu"), host)


def describe(handle: int) -> Device:
    """What ggml says of one device. Memory that its backend does not know (0 of 0) is None."""
    props = ggml.DeviceProps()
    ggml.dev_props(handle, ctypes.byref(props))
    backend = text_of(ggml.reg_name(ggml.dev_reg(handle))).lower()
    kind: DeviceKind = "gpu"
    if backend == "rpc":
        kind = "rpc"
    elif props.type in (DeviceType.CPU, DeviceType.ACCEL):
        kind = "cpu"
    return Device(
        name=text_of(props.name),
        kind=kind,
        backend=backend,
        total_bytes=props.memory_total or None,
        free_bytes=props.memory_free if props.memory_total else None,
        description=text_of(props.description),
        pci_bus_id=text_of(props.device_id),
        is_integrated=props.type == DeviceType.IGPU,
    )


def local_handles() -> list[int]:
    """Every device of this machine. Those of RPC servers stay registered when nobody asks for them."""
    return [handle for handle in all_handles() if describe(handle).kind != "rpc"]


def all_handles() -> list[int]:
    """Every device that is registered."""
    return [ggml.dev_get(index) for index in range(ggml.dev_count())]


class RpcServers:
    """The RPC servers this process has registered; llama.cpp cannot forget one again."""

    def __init__(self) -> None:
        self._devices: dict[str, list[int]] = {}

    def handles(self, endpoints: Sequence[str]) -> list[int]:
        """Return the devices of these servers, registering those that are new (add_rpc_devices, arg.cpp).

        Raises StartFailed when a server does not answer, OptionError when the build has no RPC.
        """
        for endpoint in endpoints:
            if endpoint not in self._devices:
                self._devices[endpoint] = self._register(endpoint)
        return [handle for endpoint in endpoints for handle in self._devices[endpoint]]

    def _register(self, endpoint: str) -> list[int]:
        rpc = ggml.reg_by_name(b"RPC")
        if not rpc:
            raise OptionError(
                "This build of llama.cpp has no RPC.", "Build llama-cpp-python with -DGGML_RPC=ON."
            )
        _require_answer(endpoint)
        add_server = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p)(
            ggml.reg_get_proc_address(rpc, b"ggml_backend_rpc_add_server")
        )
        registry = add_server(endpoint.encode())
        if not registry:
            raise _no_answer(endpoint)
        ggml.register(registry)
        return [ggml.reg_dev_get(registry, index) for index in range(ggml.reg_dev_count(registry))]


def _require_answer(endpoint: str) -> None:
    """Knock first: llama.cpp aborts the process when it cannot connect (RPC_STATUS_ASSERT)."""
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdigit():
        raise OptionError("“{endpoint}” is not an RPC server.", "Write it as HOST:PORT.", endpoint=endpoint)
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise _no_answer(endpoint) from error


def _no_answer(endpoint: str) -> StartFailed:
    return StartFailed(
        "The RPC server {endpoint} does not answer.",
        "Start it there (rpc-server -p PORT) and check that the port can be reached.",
        endpoint=endpoint,
    )


def choose(names: Sequence[str], rpc_handles: Sequence[int]) -> list[int] | None:
    """Resolve `--device` and `--rpc` to devices; None leaves the choice to llama.cpp.

    A server that offers a CPU is a device of type CPU, which llama.cpp would never pick by itself
    (llama_prepare_model_devices), so once there are servers the choice is explicit: theirs, then the GPUs.
    Raises OptionError for a name that is not there.
    """
    if not names:
        has_servers = any(describe(handle).kind == "rpc" for handle in all_handles())
        return [*rpc_handles, *_local_gpus()] if has_servers else None
    if list(names) == ["none"]:
        return []
    by_name = {text_of(ggml.dev_name(handle)): handle for handle in [*rpc_handles, *local_handles()]}
    cpus = {name for name, handle in by_name.items() if describe(handle).kind == "cpu"}
    for name in names:
        if name not in by_name or name in cpus:
            raise OptionError(
                "There is no device “{name}”.",
                "Devices here: {there}.",
                name=name,
                there=", ".join(sorted(by_name.keys() - cpus)) or "none but the CPU",
            )
    return [by_name[name] for name in names]


def _local_gpus() -> list[int]:
    """The GPUs llama.cpp takes by default: integrated ones only where there is no other."""
    local = [handle for handle in local_handles() if describe(handle).kind == "gpu"]
    discrete = [handle for handle in local if ggml.dev_type(handle) == DeviceType.GPU]
    return discrete or [handle for handle in local if ggml.dev_type(handle) == DeviceType.IGPU]


def has_rpc() -> bool:
    """Whether this build can use RPC servers."""
    return bool(llama.llama_supports_rpc())
