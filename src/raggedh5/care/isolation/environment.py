"""What a child process gets from its parent when it is started."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import raggedh5.errors

try:
    import resource
except ImportError:  # there are no such limits on Windows
    resource = None  # type: ignore[assignment]

__all__ = ["child_environment", "inherited"]


def child_environment() -> dict[str, str]:
    """Return the environment of a child that is to find the modules that this process finds."""
    found = [entry for entry in sys.path if entry and Path(entry).is_absolute()]
    root = str(Path(raggedh5.errors.__file__).parent.parent)
    places = [*found, *([] if root in found else [root])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(places)}


def inherited() -> dict[str, Any]:
    """Return what a child would get now; one that was started before may have something else."""
    state: dict[str, Any] = {"environment": child_environment()}
    with contextlib.suppress(OSError):  # it may have been deleted
        state["folder"] = os.getcwd()  # noqa: PTH109
    for name in ("getresuid", "getresgid", "getgroups"):
        if hasattr(os, name):
            state[name] = getattr(os, name)()
    if hasattr(os, "sched_getaffinity"):
        state["cores"] = os.sched_getaffinity(0)
    if resource is not None:
        kinds = [kind for kind in dir(resource) if kind.startswith("RLIMIT_")]
        state["limits"] = [resource.getrlimit(getattr(resource, kind)) for kind in kinds]
    # The mask of new files can only be had by setting it, but for here.
    with contextlib.suppress(OSError), open("/proc/self/status") as status:  # noqa: PTH123
        state["umask"] = [line for line in status if line.startswith("Umask:")]
    return state
