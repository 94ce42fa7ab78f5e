"""Exceptions to one clear line on stderr and an exit status."""

import contextlib
import os
from collections.abc import Iterator

import click

from raggedh5.cli.screen import printable
from raggedh5.errors import RaggedH5Error

__all__ = ["FAILED", "INTERRUPTED", "Failure", "message", "reported"]

FAILED = 2
INTERRUPTED = 130
TRACEBACK = "RAGGEDH5_TRACEBACK"
"""Environment variable: set, unexpected errors show where they come from."""


class Failure(click.ClickException):
    """What went wrong, in one line."""

    exit_code = FAILED

    def show(self, file: object = None) -> None:
        """Write the line to stderr."""
        line = " ".join(printable(self.message).split())
        click.echo(f"raggedh5: {line}", err=True)


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Turn every exception into a `Failure`, but for those that click understands itself.

    A broken pipe is one of these: click ends quietly.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt:
        click.echo("raggedh5: interrupted", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except (RaggedH5Error, OSError, KeyError, MemoryError) as error:
        raise Failure(message(error)) from error
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        raise Failure(
            f"unexpected {type(error).__name__}: {error} (please report it; with {TRACEBACK}=1 in "
            "the environment the error shows where it comes from)"
        ) from error


def message(error: BaseException) -> str:
    """Return what an exception says, without the decoration of Python or HDF5.

    Examples
    --------
    >>> message(KeyError("no table 'atoms'")), message(FileNotFoundError(2, "No such file", "x"))
    ("no table 'atoms'", 'x: No such file')
    >>> message(MemoryError())
    'not enough memory'
    """
    if isinstance(error, MemoryError):
        return f"not enough memory{f': {error}' if str(error) else ''}"
    if isinstance(error, RaggedH5Error):
        return str(error)
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0])
    if isinstance(error, OSError) and error.strerror:
        name = error.filename
        return f"{os.fsdecode(name)}: {error.strerror}" if name is not None else error.strerror
    return str(error) or type(error).__name__
