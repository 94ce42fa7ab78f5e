"""``raggedh5 pack``: padded arrays of an ``.npz`` archive into tables."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from raggedh5.care.targets import check_target
from raggedh5.cli.npz import Npz
from raggedh5.cli.options import CODECS, byte_size, make_codec
from raggedh5.cli.packing import pack_plan
from raggedh5.cli.plan import Plan, plan_tables
from raggedh5.cli.report import report_pack
from raggedh5.core.chunks import TARGET
from raggedh5.store.file import File
from raggedh5.store.summary import summarize

__all__ = ["command"]


@click.command("pack")
@click.argument("source", metavar="IN.npz", type=click.Path(readable=False, path_type=Path))
@click.argument("target", metavar="OUT.h5", type=click.Path(readable=False, path_type=Path))
@click.option("--codec", type=click.Choice(list(CODECS)), default="blosc-lz4", show_default=True)
@click.option("--level", type=int, help="Level of the codec, where it has levels.")
@click.option(
    "--chunk-size",
    type=byte_size,
    metavar="SIZE",
    default=f"{TARGET >> 10}KiB",
    show_default=True,
    help="Bytes of values in a chunk.",
)
@click.option(
    "--reduce",
    is_flag=True,
    help="Store 64-bit floats and integers in 32 bits. Floats are rounded; a number that does not "
    "fit is an error.",
)
@click.option("--table", "bare", help="Table for arrays under a bare mask. [default: as IN.npz]")
@click.option("--threads", type=click.IntRange(min=1), help="[default: one for each core]")
@click.option("--overwrite", is_flag=True, help="Replace OUT.h5 if it exists.")
def command(
    source: Path,
    target: Path,
    codec: str,
    level: int | None,
    chunk_size: int,
    reduce: bool,
    bare: str | None,
    threads: int | None,
    overwrite: bool,
) -> None:
    """Pack the padded arrays of an .npz file into tables.

    Arrays are sorted into tables by their names:

    \b
      atoms/coords, atoms/symbol   columns of the table "atoms"
      atoms_mask                   bool (rows, width): which items are there; or
      atoms_lengths                integers (rows,): how many of each row are
      energies/total               no mask, no lengths: one value a row
      forces, forces_lengths       a table "forces" with one column, "values"
      coords, symbol, mask         a table with the name of IN.npz
      anything else                a dense array

    OUT.h5 appears when it is complete. If it exists, it is only replaced with --overwrite.
    """  # noqa: D301 - click knows a paragraph that is to stay as it is by its backspace
    started = time.perf_counter()
    options = {"codec": make_codec(codec, level), "chunk_bytes": chunk_size, "threads": threads}
    with Npz(source) as archive:
        check_target([source], target, overwrite)
        plans = plan_tables(archive.members, bare or source.stem)
        with _progress(plans) as advance, File(target, "w", **options) as file:
            for plan in plans:
                pack_plan(file, plan, reduce, advance)
    seconds = time.perf_counter() - started
    with File(target, threads=threads) as file:
        summary = summarize(file)
    report_pack(source, plans, summary, seconds)


@contextlib.contextmanager
def _progress(plans: list[Plan]) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr while there is a terminal to show it on."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda nbytes: None
        return
    columns = (TextColumn("packing"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        total = sum(member.nbytes for plan in plans for member in plan.members)
        task = progress.add_task("packing", total=total)
        yield lambda nbytes: progress.update(task, advance=nbytes)
