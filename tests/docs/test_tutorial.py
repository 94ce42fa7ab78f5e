"""The Python blocks of docs/tutorial.md run in order, and print what the page says."""

import contextlib
import importlib.util
import io
import re
from pathlib import Path
from typing import NamedTuple

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(
    r"^(?:<!-- needs: (?P<needs>[^>]*?) -->\n)?"
    r"```python\n(?P<code>.*?)^```\n"
    r"(?:\n```text\n(?P<printed>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    code: str
    printed: str
    needs: tuple[str, ...]
    line: int


def read_blocks(text):
    return [
        Block(
            found["code"],
            found["printed"] or "",
            tuple(name.strip() for name in (found["needs"] or "").split(",") if name.strip()),
            text.count("\n", 0, found.start("code")),
        )
        for found in BLOCK.finditer(text)
    ]


BLOCKS = read_blocks(PAGE.read_text())


def test_every_python_fence_is_found():
    assert len(BLOCKS) == PAGE.read_text().count("```python")
    assert sum(bool(block.printed) for block in BLOCKS) == PAGE.read_text().count("```text")


def test_blocks_print_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "tutorial"}
    for block in BLOCKS:
        if not all(map(importlib.util.find_spec, block.needs)):
            continue
        # The padding makes line numbers in tracebacks those of the page.
        code = compile("\n" * block.line + block.code, str(PAGE), "exec")
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(code, namespace)  # our own page
        assert out.getvalue() == block.printed, f"{PAGE.name}, line {block.line}"


@pytest.mark.parametrize("page", sorted(PAGE.parent.glob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([\w./-]+\.md)(?:#[\w-]+)?\)", page.read_text()):
        if target != "benchmarks.md":  # measured, and so not there before it was
            assert (page.parent / target).is_file(), target
