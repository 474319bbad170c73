"""What was measured, kept in a file."""

import msgspec
import pytest

from kvdesk.errors import StoreError
from kvdesk.plan.depth_curve import DepthCurve
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.paces import MOST_CURVES, Paces, PacesFile, copy_key, curve_key, thread_key
from tests.plan.shapes import CPU, gpu


def test_what_is_saved_is_read(tmp_path):
    file = PacesFile(tmp_path / "new" / "paces.json")
    assert file.read() == Paces()
    paces = (
        Paces().with_curve("a", DepthCurve().with_reading(1, 2, 3.0)).with_rebuild("b", 4 << 20, 0.5, 0.75)
    )
    file.save(paces)
    assert file.read() == paces
    assert (paces.copies["b"], paces.setup_s) == (8 << 20, 0.25)


def test_a_damaged_file_is_nothing_known(tmp_path):
    path = tmp_path / "paces.json"
    path.write_text("{")
    assert PacesFile(path).read() == Paces()


def test_what_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="could not be kept"):
        PacesFile(tmp_path / "file" / "paces.json").save(Paces())


def test_the_curves_used_last_are_kept():
    paces = Paces()
    for number in range(MOST_CURVES + 5):
        paces = paces.with_curve(str(number), DepthCurve())
        paces = paces.with_curve("often", DepthCurve())
    assert len(paces.curves) == MOST_CURVES
    assert "often" in paces.curves
    assert "0" not in paces.curves


def test_a_tiny_copy_teaches_nothing():
    assert Paces().with_rebuild("x", 1000, 0.1, 0.3) == Paces(setup_s=pytest.approx(0.2))


def test_a_curve_belongs_to_what_decides_the_speed():
    base = curve_key("m", LoadOptions(), (CPU,))
    assert curve_key("m", LoadOptions(ctx_size=1024), (CPU,)) == base
    assert curve_key("m", LoadOptions(cache_type_k="q8_0"), (CPU,)) != base
    assert curve_key("m", LoadOptions(), (gpu(), CPU)) != base
    assert curve_key("n", LoadOptions(), (CPU,)) != base


def test_a_copy_belongs_to_where_the_caches_lie():
    assert copy_key((CPU,), "memory", "copied") == "cpu memory copied"
    assert copy_key((gpu(), CPU), "memory", "copied") == "cuda memory copied"


def test_threads_belong_to_a_processor_and_a_size_of_model() -> None:
    key = thread_key(4 << 30, (CPU,))
    assert key == thread_key(5 << 30, (gpu(), CPU))
    assert key != thread_key(9 << 30, (CPU,))
    assert key != thread_key(4 << 30, (msgspec.structs.replace(CPU, description="another"),))
    assert Paces().with_threads(key, 4).with_threads("x", 2).threads == {key: 4, "x": 2}
