"""Who computes attention, as llama.cpp says."""

from itertools import product

import pytest

from kvdesk.engine.protocol import KernelAnswer
from kvdesk.memory.report import HOST, Device
from kvdesk.plan.fits import PairFit
from kvdesk.plan.options import LoadOptions
from kvdesk.session.arithmetic import open_source
from kvdesk.session.kernels import kernel_question, with_kernels

GPUS = (Device("CUDA0", "gpu", "cuda"), Device("CUDA1", "gpu", "cuda"))
FITS = tuple(PairFit(k, v, 4096, 0, 0, "unknown", 0, "") for k, v in product(("f16", "q8_0"), repeat=2))
ANSWERS = (
    KernelAnswer("CUDA0", "f16", "f16", True),
    KernelAnswer("CUDA1", "f16", "f16", True),
    KernelAnswer("CUDA0", "q8_0", "q8_0", True),
    KernelAnswer("CUDA1", "q8_0", "q8_0", False),
    KernelAnswer("CUDA0", "f16", "q8_0", False),
    KernelAnswer("CPU", "f16", "q8_0", True),
)


@pytest.mark.parametrize(
    ("options", "devices", "kernels"),
    [
        (LoadOptions(), (*GPUS, HOST), ["gpu", "cpu", "unknown", "cpu"]),
        (LoadOptions(device=("CUDA0",)), (*GPUS, HOST), ["gpu", "cpu", "unknown", "gpu"]),
        (LoadOptions(n_gpu_layers=0), (*GPUS, HOST), ["cpu"] * 4),
        (LoadOptions(), (HOST,), ["cpu"] * 4),
    ],
)
def test_all_gpus_in_use_must_have_the_kernel(options: LoadOptions, devices, kernels: list[str]):
    assert [fit.kernel for fit in with_kernels(FITS, options, devices, ANSWERS)] == kernels


def test_without_an_answer_nothing_is_claimed():
    fits = with_kernels(FITS, LoadOptions(), (*GPUS, HOST), ())
    assert {fit.kernel for fit in fits} == {"unknown"}


def test_the_question_is_about_the_models_heads():
    question = kernel_question(open_source("demo").shape, ("host:1",))
    assert question is not None
    asked = question(7)
    assert (asked.id, asked.head_dims, asked.head_count, asked.head_count_kv) == (7, ((64, 64),), 4, 2)
    assert asked.rpc == ("host:1",)
