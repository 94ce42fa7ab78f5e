"""One section of a YAML file; nothing else of the file is looked at."""

import os
from pathlib import Path
from typing import Any

from raggedh5.core.closest import closest
from raggedh5.errors import SchemaError

__all__ = ["read_section"]

FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What PyYAML lets through from values such as a thirteenth month."""

MERGE = "tag:yaml.org,2002:merge"


def read_section(path: str | os.PathLike[str], section: str) -> Any:
    """Return what a section of a YAML file says, None for an empty one.

    Other sections may hold what they like, tags of other programs included; they only have to be
    YAML.

    Raises
    ------
    ImportError
        If PyYAML is not installed.
    FileNotFoundError
        If there is no such file.
    SchemaError
        If it is no YAML, the section is not in it, or a key is in it twice; it names the line.
    """
    try:
        import yaml
    except ImportError as error:
        raise ImportError(
            "a YAML file needs PyYAML; install it with: pip install 'raggedh5[yaml]'"
        ) from error
    with Path(path).open("rb") as file:
        try:
            loader = yaml.SafeLoader(file)
            root = loader.get_single_node()
            node = _find(loader, root, path, section)
            _refuse_twice(node, path)
            return loader.construct_document(node)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = "" if mark is None else f":{mark.line + 1}"
            said = ", ".join(filter(None, [error.context, error.problem]))
            raise SchemaError(f"{path}{line}: not YAML: {said}") from error
        except yaml.YAMLError as error:
            raise SchemaError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
        except SchemaError:
            raise
        except FAULTS as error:
            why = "it is nested too deeply" if isinstance(error, RecursionError) else error
            raise SchemaError(f"{path}: section {section!r} cannot be read: {why}") from error


def _find(loader: Any, root: Any, path: str | os.PathLike[str], section: str) -> Any:
    """Return the node of the section; the document is a mapping of sections."""
    pairs = []
    if root is not None:
        if root.id != "mapping":
            raise SchemaError(f"{path} is no mapping of sections; {section!r} is to be one")
        own = [key for key, _ in root.value if key.id == "scalar" and key.value == section]
        if len(own) > 1:
            raise _twice(own[1], path)
        loader.flatten_mapping(root)  # what "<<" brings goes before what is written out
        pairs = [(key.value, value) for key, value in root.value if key.id == "scalar"]
    for name, value in reversed(pairs):
        if name == section:
            return value
    near = closest(section, [name for name, _ in pairs], 1)
    hint = f" (is it {near[0]!r}?)" if near else ""
    raise SchemaError(f"{path} has no section {section!r}{hint}")


def _refuse_twice(node: Any, path: str | os.PathLike[str]) -> None:
    """Refuse a key that is in a mapping twice: PyYAML would take the last one."""
    seen: set[int] = set()
    pending = [node]
    while pending:
        node = pending.pop()
        if node.id == "scalar" or id(node) in seen:
            continue
        seen.add(id(node))  # an alias leads to the same node again
        if node.id == "sequence":
            pending.extend(node.value)
            continue
        keys: set[tuple[str, str]] = set()
        for key, value in node.value:
            pending.append(value)
            if key.id == "scalar" and key.tag != MERGE:
                if (key.tag, key.value) in keys:
                    raise _twice(key, path)
                keys.add((key.tag, key.value))


def _twice(key: Any, path: str | os.PathLike[str]) -> SchemaError:
    line = key.start_mark.line + 1
    return SchemaError(f"{path}:{line}: the key {key.value!r} is there twice; remove one")
