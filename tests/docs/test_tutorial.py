"""The Python blocks of the guides in docs/ run in order, and print what the pages say."""

import contextlib
import importlib.util
import io
import re
from pathlib import Path
from typing import NamedTuple

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("tutorial.md", "crystals.md", "trajectories.md")
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


@pytest.mark.parametrize("page", PAGES)
def test_every_python_fence_is_found(page):
    text = (DOCS / page).read_text()
    blocks = read_blocks(text)
    assert len(blocks) == text.count("```python")
    assert sum(bool(block.printed) for block in blocks) == text.count("```text")


@pytest.mark.parametrize("page", PAGES)
def test_blocks_print_what_the_page_says(tmp_path, monkeypatch, page):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "tutorial"}
    for block in read_blocks((DOCS / page).read_text()):
        if not all(map(importlib.util.find_spec, block.needs)):
            continue
        # The padding makes line numbers in tracebacks those of the page.
        code = compile("\n" * block.line + block.code, str(DOCS / page), "exec")
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(code, namespace)  # our own page
        assert out.getvalue() == block.printed, f"{page}, line {block.line}"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([\w./-]+\.md)(?:#[\w-]+)?\)", page.read_text()):
        if target != "benchmarks.md":  # measured, and so not there before it was
            assert (page.parent / target).is_file(), target
