"""Messages that docs/when-things-go-wrong.md quotes are those of the code."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "when-things-go-wrong.md").read_text()
ERRORS = "FormatError|SchemaError|CodecError|WriteError|ClosedError"
QUOTED = re.findall(rf"`(?:(?:{ERRORS}): )?\.\.\. ([^`]+)`|`(?:{ERRORS}): (\w[^`]+)`", PAGE)
# String literals that follow each other are one message.
SOURCE = re.sub(
    r'"\s*\n?\s*f?"',
    "",
    "".join(path.read_text() for path in sorted((ROOT / "src").rglob("*.py"))),
)
PLAIN = re.sub(r"\{[^{}]*\}", "...", SOURCE)


def test_there_are_messages() -> None:
    assert len(QUOTED) > 15


@pytest.mark.parametrize("quoted", [" ".join(re.split(r"\s+", a or b)) for a, b in QUOTED])
def test_message_is_in_the_code(quoted: str) -> None:
    words = re.sub(r"<\w+>|float64|float32|\b\d+\b", "...", quoted)
    for part in words.split("..."):
        if part.strip(" ;:,"):
            assert part.strip(" ;:,") in PLAIN, part
