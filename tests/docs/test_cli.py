"""docs/cli.md shows what `--help` prints."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from raggedh5.cli.main import COMMANDS, cli

PARTS = ["convert crystals", "convert trajectory"]
"""Commands of commands."""

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
HELP = re.compile(r"<!-- help: ([\w -]+) -->\n```text\n(.*?)```", re.DOTALL)
SHOWN = dict(HELP.findall(PAGE.read_text()))


def help_of(command: str) -> str:
    done = CliRunner().invoke(
        cli,
        [*command.split(), "--help"],
        prog_name="raggedh5",
        terminal_width=80,
        max_content_width=80,
    )
    assert done.exit_code == 0, done.output
    return done.output


def test_every_command_is_shown() -> None:
    assert SHOWN.keys() == {*COMMANDS, *PARTS}


@pytest.mark.parametrize("command", [*COMMANDS, *PARTS])
def test_help_is_as_the_page_says(command: str) -> None:
    # Versions of click break lines in different places.
    assert SHOWN[command].split() == help_of(command).split()
    assert "\\b" not in SHOWN[command]
    assert "\b" not in SHOWN[command]
