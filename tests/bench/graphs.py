"""What the live graphs cost: processor time of the window's process, as a share of one core.

Run by hand under a display: `python tests/bench/graphs.py [--seconds 10] [--devices 2] [--minutes 60]`.
The window is the real one, with an hour of history (two samples a second, every counter of every device, a
turn each half minute) and two new samples a second. Each line adds to what the one before it shows; the
first, without new samples, is what the window takes while nothing happens. Bar: 3 % of one core.
"""

import argparse
import os
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer

sys.path.insert(0, str(Path(__file__).parents[2]))

from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.run import make_application
from kvdesk.monitor.sample import DeviceSample, HostSample, Sample, Throttle
from kvdesk.session.history import HOUR_ROWS, History
from kvdesk.session.state import Phase
from tests.gui import fakes

INTERVAL_S, TURN_S, BAR_PERCENT = 0.5, 30, 3.0


class Feeder:
    """Makes the samples of a machine at work, each a little different from the one before."""

    def __init__(self, desk: fakes.FakeDesk, devices: int) -> None:
        self._desk, self._devices = desk, devices
        self._engine = desk.state.engine
        self.rows = 0

    def feed(self) -> None:
        """Add the sample of the next half second."""
        time_s, wobble = self.rows * INTERVAL_S, self.rows % 7
        if time_s % TURN_S == 0:
            self._desk.history.mark(time_s, "turn", "")
        engine = replace(self._engine, phase=Phase.DECODE, tokens_per_s=40.0 + wobble)
        readings = {
            f"CUDA{index}": DeviceSample(
                "nvidia",
                index,
                "a GPU",
                used_bytes=(7300 + wobble) << 20,
                process_bytes=(6900 + wobble) << 20,
                power_w=80.0 + wobble,
                temperature_c=60.0 + wobble,
                gpu_clock_mhz=2000 + wobble,
                utilisation_percent=90 + wobble,
                throttle=Throttle.POWER if wobble == 3 else Throttle(0),
            )
            for index in range(self._devices)
        }
        sample = Sample(time_s, HostSample(process_bytes=(900 + wobble) << 20))
        self._desk.history.add(sample, replace(self._desk.state, engine=engine), readings)
        self.rows += 1

    def feed_and_show(self) -> None:
        """Add it and have it drawn."""
        self.feed()
        self._desk.show(samples=self.rows)


def share_of_core(seconds: float) -> float:
    """Run the event loop; return what the process computed, in per cent of one core."""
    begun, worked = time.perf_counter(), time.process_time()
    loop = QEventLoop()
    QTimer.singleShot(int(seconds * 1000), loop.quit)
    loop.exec()
    return 100 * (time.process_time() - worked) / (time.perf_counter() - begun)


def history_bytes(history: History) -> int:
    """What the rows take while their arrays are at their fullest."""
    columns = history.columns()
    each = [column for column in vars_of(columns) if isinstance(column, array)]
    by_device = [column for held in vars_of(columns) if isinstance(held, dict) for column in held.values()]
    return sum(2 * column.itemsize * len(column) for column in (*each, *by_device))


def vars_of(columns: object) -> list[object]:
    """The values of a frozen row of fields."""
    return [getattr(columns, name) for name in columns.__slots__]


def main() -> int:
    """Measure and print; the status says whether the bar is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--devices", type=int, default=2)
    parser.add_argument("--minutes", type=int, default=60)
    chosen = parser.parse_args()

    _application = make_application([])
    desk = fakes.FakeDesk(fakes.qwen_loaded())
    feeder = Feeder(desk, chosen.devices)
    for _ in range(HOUR_ROWS * chosen.minutes // 60):
        feeder.feed()
    window = MainWindow(desk)
    window.resize(1280, 1000)
    window.show()
    window.start()
    if window.tour is not None:
        window.tour.close()
    chart = window.desk_panel.chart
    timer = QTimer(window)
    timer.setInterval(int(INTERVAL_S * 1000))
    timer.timeout.connect(feeder.feed_and_show)

    def begin() -> None:
        chart.hide()
        timer.start()

    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("nothing happens", lambda: None),
        ("samples come, the graph is hidden", begin),
        ("the graph, two minutes", chart.show),
        ("the graph, the last hour", lambda: chart._choose_span(3600)),
        ("and the large graph, all of it", window.others.open_history),
    )
    shares = []
    for name, act in steps:
        act()
        share_of_core(2)  # until it has come to rest
        shares.append(share_of_core(chosen.seconds))
        print(f"{name:<36}{shares[-1]:6.2f} %")
    marks = len(desk.history.marks)
    print(
        f"{len(desk.history):,} rows, {marks} marks: {history_bytes(desk.history) / 1e6:.2f} MB at the most"
    )
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    drawing = max(shares[2:]) - shares[0]
    print(f"drawing takes {drawing:.2f} % of one core at the most; bar: {BAR_PERCENT:.0f} %")
    return 0 if drawing <= BAR_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main())
