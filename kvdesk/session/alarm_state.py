"""What the alarms have seen of the loaded model; apart from them, so that the session's parts can hold it."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Alarms:
    """Since the last load; one alarm is given for it. A speed is (depth in tokens, tokens a second)."""

    spilling_samples: int = 0
    speeds: list[tuple[int, float]] = field(default_factory=list)
    has_told: bool = False
