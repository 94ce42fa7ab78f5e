"""The command itself: help, version, the installed script."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from click.testing import CliRunner

import raggedh5 as rh5
from raggedh5.cli.main import COMMANDS, cli, main


def test_version() -> None:
    result = CliRunner().invoke(cli, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"raggedh5, version {rh5.__version__}\n")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["pack", "--help"]])
def test_help(words: list[str]) -> None:
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0
    assert "pack" in result.stdout


def test_the_list_of_commands_is_what_they_say() -> None:
    context = cli.make_context("raggedh5", [], resilient_parsing=True)
    for name, said in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").splitlines()[0] == said


def test_help_loads_no_command() -> None:
    code = (
        "import sys; from raggedh5.cli.main import main\n"
        "try: main()\n"
        "finally: print('rich' in sys.modules, 'raggedh5.cli.pack' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert out.endswith("False False\n")


def test_unknown_command() -> None:
    result = CliRunner().invoke(cli, ["unpack"])
    assert result.exit_code == 2
    assert "unpack" in result.stderr


def test_entry_point() -> None:
    for script in entry_points(group="console_scripts", name="raggedh5"):
        assert script.load() is main
