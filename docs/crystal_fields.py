"""Write the table of fields in docs/crystals.md anew: ``python docs/crystal_fields.py``."""

from __future__ import annotations

import re
from pathlib import Path

from raggedh5.formats.crystal import SCHEMA

PAGE = Path(__file__).parent / "crystals.md"
PLACE = re.compile(r"(<!-- fields -->\n).*(<!-- end of fields -->)", re.DOTALL)


def table() -> str:
    """Return the fields of all groups as Markdown."""
    lines = []
    for group in SCHEMA.groups.values():
        keys = [key for key in (group.mask, group.count, group.owner, group.inner_mask) if key]
        told = f" (told by {', '.join(f'`{key}`' for key in keys)})" if keys else ""
        lines.append(f"\n### {group.name}{told}\n")
        lines += ["| field | dtype | what | units |", "| --- | --- | --- | --- |"]
        for field in SCHEMA.of_group(group.name):
            shape = "".join(f" {n}{'+' * field.open_shape}" for n in field.shape)
            lists = "list of " * field.nested
            inner = shape.strip().replace(" ", ", ")
            kind = f"{lists}{field.dtype}{f' [{inner}]' if inner else ''}"
            names = "".join(f", `{name}`" for name in field.other_names)
            lines.append(f"| `{field.name}`{names} | {kind} | {field.meaning} | {field.units} |")
    return "\n".join(lines).strip() + "\n"


def written(page: str) -> str:
    """Return the page with the table of today."""
    return PLACE.sub(lambda found: f"{found[1]}{table()}{found[2]}", page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
