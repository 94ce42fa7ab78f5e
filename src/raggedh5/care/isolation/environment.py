"""The environment variables of a child process."""

import os
import sys
from pathlib import Path

import raggedh5.errors

__all__ = ["child_environment"]


def child_environment() -> dict[str, str]:
    """Return the environment of a child that is to find the modules that this process finds."""
    found = [entry for entry in sys.path if entry and Path(entry).is_absolute()]
    root = str(Path(raggedh5.errors.__file__).parent.parent)
    places = [*found, *([] if root in found else [root])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(places)}
