"""A thread that does one job after another, so that nothing which may take time runs between two frames."""

import threading
from collections import deque
from collections.abc import Callable

Job = Callable[[], None]


class Background:
    """Runs jobs in order on one daemon thread.

    A job submitted with a key takes the place of a waiting job with the same key: while a slider moves,
    only the newest question is worked on. `on_error` receives what a job did not handle itself.
    """

    def __init__(self, name: str, on_error: Callable[[Exception], None]) -> None:
        self._jobs: deque[tuple[str, Job]] = deque()
        self._on_error = on_error
        self._wake = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job, key: str = "") -> None:
        """Put a job at the end, or, with the key of a waiting job, in that job's place."""
        with self._wake:
            if self._is_closing:
                return
            for index, (waiting, _) in enumerate(self._jobs):
                if key and waiting == key:
                    self._jobs[index] = (key, job)
                    return
            self._jobs.append((key, job))
            self._wake.notify()

    def drop(self, key: str) -> None:
        """Forget a waiting job; one that has begun runs to its end."""
        with self._wake:
            self._jobs = deque(entry for entry in self._jobs if entry[0] != key)

    def close(self, timeout_s: float) -> bool:
        """Finish what is waiting and end the thread; False when that took longer than `timeout_s`."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception as error:  # a job's failure must not end the thread
                self._on_error(error)

    def _next(self) -> Job | None:
        with self._wake:
            self._wake.wait_for(lambda: self._jobs or self._is_closing)
            return self._jobs.popleft()[1] if self._jobs else None
