"""What the items of a row are together, as text: a formula."""

import re
from collections.abc import Mapping
from urllib.parse import quote

__all__ = ["UNKNOWN", "formula"]

SYMBOL = re.compile(r"[A-Z][a-z]{0,2}")
"""What may stand in a formula without being told apart from its neighbours."""

UNKNOWN = "?"
"""What stands for strings that are missing."""


def formula(counts: Mapping[str | None, int]) -> str:
    """Return how often there is each string, as text; different counts give different texts.

    Where all strings look like element symbols, it is a formula in the order of Hill (1900),
    https://doi.org/10.1021/ja02046a005: carbon first, then hydrogen, then the others by the
    alphabet; without carbon all by the alphabet. Otherwise it is a list of ``string:count`` in the
    order of code points, where space, ``:``, ``%``, ``?`` and control characters are
    percent-encoded. None, for what is missing, is ``?`` and comes last.

    Parameters
    ----------
    counts
        How often there is each; those that there are not are left out.

    Examples
    --------
    >>> formula({"H": 6, "C": 2, "O": 1}), formula({"O": 2, "H": 2, None: 1}), formula({})
    ('C2H6O', 'H2O2?', '')
    >>> formula({"CA": 2, "N": 1})
    'CA:2 N:1'
    """
    names = sorted(name for name, n in counts.items() if name is not None and n)
    missing = counts.get(None, 0)
    if all(SYMBOL.fullmatch(name) for name in names):
        if "C" in names:
            first = [name for name in ("C", "H") if name in names]
            names = first + [name for name in names if name not in first]
        parts = [(name, counts[name]) for name in names] + [(UNKNOWN, missing)] * bool(missing)
        return "".join(f"{name}{n if n > 1 else ''}" for name, n in parts)
    listed = [f"{_quoted(name)}:{counts[name]}" for name in names]
    return " ".join([*listed, *[f"{UNKNOWN}:{missing}"] * bool(missing)])


def _quoted(name: str) -> str:
    return "".join(quote(c, safe="") if c in " :%?" or not c.isprintable() else c for c in name)
