"""Hypothesis strategies for launch options, drawn from the option table itself."""

import msgspec
from hypothesis import strategies as st

from kvdesk.plan.options import OPTIONS, LoadOptions

_WORDS = {
    "device": st.sampled_from(["CUDA0", "CUDA1", "Vulkan0", "RPC0[127.0.0.1:50052]"]),
    "rpc": st.sampled_from(["127.0.0.1:50052", "box:50053", "[::1]:50052"]),
    "override_tensor": st.sampled_from(
        [r"blk\.\d+\.ffn_.*_exps=CPU", "output=CUDA0", "a b'c\"d$e%f^g=CPU", r"x(1|2)&<y>=CUDA_Host"]
    ),
}


def values_of(row):
    """Every value that the option accepts, its default and its limits among them."""
    low = row.spec.minimum
    if row.choices:
        return st.sampled_from(row.choices)
    if row.value_type is bool:
        return st.booleans()
    if row.value_type is int:
        high = row.spec.maximum if row.spec.maximum is not None else 2**31 - 1
        numbers = st.integers(0 if low is None else int(low), int(high))
        return st.none() | numbers if row.optional else numbers
    if row.value_type is float:
        return st.floats(-1 if low is None else low, 1e7, width=32)
    if row.item_type is float:
        return st.lists(st.floats(0, 1000, width=32), max_size=4).map(tuple)
    return st.lists(_WORDS[row.name], max_size=3, unique=True).map(tuple)


def load_options(**fixed):
    """Whole option sets; `fixed` values are kept."""
    drawn = {row.name: values_of(row) for row in OPTIONS if row.name not in fixed}
    return st.fixed_dictionaries(drawn).map(
        lambda values: msgspec.structs.replace(LoadOptions(), **values, **fixed)
    )
