"""What `doctor` finds: for each thing its kind, what it is, and what to do about it."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Diagnosis", "Finding", "listed"]

SHOWN = 3
"""Names that a sentence lists."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    kind : str
        A short name for programs, as ``"filter-missing"``.
    what : str
        What is the matter, in a sentence.
    advice : str
        What to do about it.
    prevents : bool
        Whether the file, or something in it, cannot be read because of it. What does not is worth
        knowing.
    """

    kind: str
    what: str
    advice: str
    prevents: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "kind": self.kind,
            "what": self.what,
            "advice": self.advice,
            "prevents_reading": self.prevents,
        }


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was found about a file.

    Attributes
    ----------
    path : str
        The file, as it was given.
    findings : tuple of Finding
        What prevents reading first.
    versions : dict of str
        Of the libraries that were to read it.
    """

    path: str
    findings: tuple[Finding, ...]
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        """Whether nothing was found that prevents reading."""
        return not any(finding.prevents for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, for JSON."""
        return {
            "path": self.path,
            "healthy": self.healthy,
            "findings": [finding.as_dict() for finding in self.findings],
            "versions": dict(self.versions),
        }


def listed(names: list[str]) -> str:
    """Return names for a sentence, the first ones of many.

    Examples
    --------
    >>> listed(["/a", "/b"]), listed(list("abcde"))
    ('/a, /b', 'a, b, c and 2 more')
    """
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
