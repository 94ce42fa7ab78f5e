"""Paths of objects in a file."""

import posixpath
from typing import Any

import h5py
from h5py import h5l

__all__ = ["is_within", "path_of", "without_links"]

MOST_STEPS = 256
"""Links that are followed before one is taken for a circle."""


def path_of(root: h5py.Group, name: str) -> str:
    """Return the absolute path of a name in a group."""
    return posixpath.normpath(posixpath.join(str(root.name), name))


def is_within(path: str, folder: str) -> bool:
    """Whether a path is that of a folder, or of something in it."""
    return f"{path}/".startswith(f"{folder}/")


def without_links(file: Any, path: str, known: str = "") -> str:
    """Return a path with every soft link on it followed; `known` is how far there are none."""
    at, left = known, path[len(known) :].strip("/").split("/")
    for _ in range(MOST_STEPS):
        if not left or left == [""]:
            break
        part = left.pop(0)
        step = f"{at}/{part}"
        try:
            soft = file.links.get_info(step.encode()).type == h5l.TYPE_SOFT
            target = file.links.get_val(step.encode()).decode() if soft else ""
        except (KeyError, OSError, RuntimeError, ValueError):
            return path
        if not soft:
            at = step
            continue
        at = "" if target.startswith("/") else at
        left = [piece for piece in target.split("/") if piece not in ("", ".")] + left
    return at
