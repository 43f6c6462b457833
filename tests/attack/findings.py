"""What the attacks have found: every answer is looked at here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MOST_SHOWN = 40


@dataclass
class Findings:
    """Counts requests by attack, and keeps what must not be: leaks, faults of the server, and answers that should differ."""

    canary: str
    requests: Counter[str] = field(default_factory=Counter[str])
    statuses: Counter[int] = field(default_factory=Counter[int])
    bad: list[str] = field(default_factory=list[str])

    def look(self, attack: str, what: str, status: int, told: bytes, *, own: bool = False) -> None:
        """Look at an answer. `own`: who asked may see the canary, being its owner."""
        self.requests[attack] += 1
        self.statuses[status] += 1
        if status >= 500:
            self.add(attack, what, f"status {status}: {told[:200]!r}")
        if not own and self.canary.encode() in told:
            self.add(attack, what, f"LEAK with status {status}: {told[:200]!r}")

    def add(self, attack: str, what: str, told: str) -> None:
        """Keep something that must not be."""
        self.bad.append(f"{attack}: {what}: {told}")

    def expect(self, attack: str, what: str, holds: bool, told: str) -> None:
        """Keep it unless it holds."""
        if not holds:
            self.add(attack, what, told)

    def report(self) -> str:
        """The whole as text."""
        lines = [f"  {attack:<28}{count:>7} requests" for attack, count in sorted(self.requests.items())]
        by_class = Counter({f"{status // 100}xx": 0 for status in self.statuses})
        for status, count in self.statuses.items():
            by_class[f"{status // 100}xx"] += count
        spread = ", ".join(f"{count} × {kind}" for kind, count in sorted(by_class.items()))
        lines.append(f"  {'all':<28}{sum(self.requests.values()):>7} requests: {spread}")
        lines += [f"  BAD {bad}" for bad in self.bad[:MOST_SHOWN]]
        verdict = "nothing found" if not self.bad else f"{len(self.bad)} findings"
        return "\n".join([*lines, f"attack: {verdict}"])
