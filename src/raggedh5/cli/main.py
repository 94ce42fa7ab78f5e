"""The command ``raggedh5``: a group of commands, each imported when it is used."""

import importlib
import sys
from typing import Any

import click

from raggedh5._version import __version__
from raggedh5.cli.errors import reported
from raggedh5.cli.screen import prepare_streams

__all__ = ["cli", "main"]

COMMANDS = {
    "compare": "Compare trajectories in NumPy files with those in an HDF5 file.",
    "convert": "Convert files of other layouts to tables, and back.",
    "copy": "Copy a file, or chosen tables, columns and rows of it.",
    "describe": "Show statistics of columns, and a histogram of row lengths.",
    "doctor": "Say why a file does not open or read here, and what to do.",
    "head": "Show the first rows of a table or an array.",
    "info": "Say what a file holds, and how it is stored.",
    "merge": "Join files that have the same tables, row behind row.",
    "organise": "Group the rows of a table by a key, as an index in the file.",
    "pack": "Pack the padded arrays of an .npz file into tables.",
    "pack-cif": "Pack the crystal structures of CIFs into tables.",
    "plot": "Draw a field of a trajectory against time, or its mean-square displacement.",
    "recover": "Bring a file back whose writer was killed.",
    "repack": "Write a file anew, without dead space, and stored in another way if that is asked.",
    "repair": "Write what can be read of a damaged file to another.",
    "unwrap": "Unwrap periodic coordinates, and write both kinds.",
    "validate": "Check a file: its structure, and every chunk in it.",
}


class Commands(click.Group):
    """Commands by name, from the modules of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"raggedh5.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what goes wrong becomes one line and an exit status."""
        with reported():
            prepare_streams()
            result = super().invoke(ctx)
            # A pipe that nobody reads any more shows here, not while the interpreter shuts down.
            sys.stdout.flush()
        return result


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="raggedh5")
def cli() -> None:
    """Ragged scientific data in plain HDF5 files.

    Exit status: 0 if all went well, 1 if what was checked is not in order, 2 after an error (one
    line on stderr says which), 130 after an interrupt.
    """


def main() -> None:
    """Run the command line."""
    cli(prog_name="raggedh5")
