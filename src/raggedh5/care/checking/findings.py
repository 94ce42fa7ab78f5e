"""What a check finds: a bounded number of each kind, from any thread."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["MOST", "Finding", "Findings"]

MOST = 20
"""Findings of one kind about one object that are kept; more are only counted."""

MOST_IN_ALL = 2000
LONGEST = 1000
"""Characters of a message."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or odd.

    Attributes
    ----------
    path
        The object in the file.
    kind
        A word for the kind of it: ``"chunk"``, ``"offsets"``, ``"codes"`` and so on.
    message
        What it is, in words.
    row
        The first row of the dataset or table that it is about, None where it is about none.
    """

    path: str
    kind: str
    message: str
    row: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Finding":
        """Return what `as_dict` made data of."""
        return cls(data["path"], data["kind"], data["message"], data["row"])


class Findings:
    """Collects errors and warnings."""

    def __init__(self) -> None:
        self.errors: list[Finding] = []
        self.warnings: list[Finding] = []
        self._counts: Counter[tuple[str, str, bool]] = Counter()
        self._lock = threading.Lock()

    def error(self, path: str, kind: str, message: str, row: int | None = None) -> None:
        """Add an error."""
        self._add(self.errors, Finding(path, kind, _short(message), row), True)

    def warn(self, path: str, kind: str, message: str, row: int | None = None) -> None:
        """Add a warning."""
        self._add(self.warnings, Finding(path, kind, _short(message), row), False)

    def finished(self) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """Return errors and warnings, in the order of paths and rows, and what was left out."""
        for (path, kind, severe), count in sorted(self._counts.items()):
            if count > MOST:
                found = self.errors if severe else self.warnings
                found.append(
                    Finding(path, kind, f"... and {count - MOST} more of this kind are not listed")
                )
        return _sorted(self.errors), _sorted(self.warnings)

    def _add(self, found: list[Finding], finding: Finding, severe: bool) -> None:
        with self._lock:
            key = finding.path, finding.kind, severe
            if len(self._counts) > MOST_IN_ALL and key not in self._counts:
                key = "/", "more", severe
                finding = Finding("/", "more", f"{finding.path}: {finding.message}", finding.row)
            self._counts[key] += 1
            if self._counts[key] <= MOST:
                found.append(finding)


def _sorted(found: list[Finding]) -> tuple[Finding, ...]:
    # What is about no row comes first, and what was left out last.
    return tuple(
        sorted(
            found,
            key=lambda f: (f.path, f.message.startswith("..."), -1 if f.row is None else f.row),
        )
    )


def _short(message: str) -> str:
    return message if len(message) <= LONGEST else f"{message[:LONGEST]}..."
