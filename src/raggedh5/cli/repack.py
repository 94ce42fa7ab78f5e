"""``raggedh5 repack``: a file written anew."""

import json
from pathlib import Path
from typing import Any

import click

from raggedh5.care.progress_bar import progress_bar
from raggedh5.care.repack import repack
from raggedh5.cli.options import CODECS, byte_size, make_codec
from raggedh5.cli.written import report_written

__all__ = ["command"]


@click.command("repack")
@click.argument("source", metavar="SRC", type=click.Path(readable=False, path_type=Path))
@click.argument(
    "target", metavar="[DST]", required=False, type=click.Path(readable=False, path_type=Path)
)
@click.option("--codec", type=click.Choice(["keep", *CODECS]), default="keep", show_default=True)
@click.option("--level", type=int, help="Level of the codec, where it has levels.")
@click.option(
    "--chunk-size",
    type=byte_size,
    metavar="SIZE",
    help="Bytes of values in a chunk.  [default: as they are]",
)
@click.option(
    "--access",
    type=click.Choice(["scan", "random"]),
    help="Plan chunks for long runs of rows, or shorter ones for single rows.",
)
@click.option(
    "--dtype",
    "dtypes",
    metavar="COLUMN=DTYPE",
    multiple=True,
    help="Another dtype for a column, or for one of a table as atoms/mass=f4.",
)
@click.option(
    "--round", "rounding", is_flag=True, help="Let --dtype round floats; other loss is an error."
)
@click.option("--dictionary", metavar="COLUMN", multiple=True, help="Store each string once.")
@click.option("--no-dictionary", metavar="COLUMN", multiple=True, help="Store strings plainly.")
@click.option("--overwrite", is_flag=True, help="Replace DST if it exists.")
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def command(
    source: Path,
    target: Path | None,
    codec: str,
    level: int | None,
    chunk_size: int | None,
    access: Any,
    dtypes: tuple[str, ...],
    rounding: bool,
    dictionary: tuple[str, ...],
    no_dictionary: tuple[str, ...],
    overwrite: bool,
    machine: bool,
) -> None:
    """Write a file anew, without dead space, and stored in another way if that is asked.

    Without DST the new file takes the place of SRC, in one step, when it is complete. What is not
    to be changed is copied chunk by chunk, without decompressing.
    """
    if codec == "keep" and level is not None:
        raise click.BadParameter("give --codec, too", param_hint="--level")
    with progress_bar("repacking") as progress:
        report = repack(
            source,
            target,
            codec="keep" if codec == "keep" else make_codec(codec, level),
            chunk_bytes=chunk_size,
            access=access,
            dtypes=dict(_pair(text) for text in dtypes),
            dictionary={
                **dict.fromkeys(dictionary, True),
                **dict.fromkeys(no_dictionary, False),
            },
            rounding=rounding,
            overwrite=overwrite,
            progress=progress,
        )
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        report_written("repacked", report)


def _pair(text: str) -> tuple[str, str]:
    name, separator, dtype = text.rpartition("=")
    if not separator or not name or not dtype:
        raise click.BadParameter(f"{text!r} is not COLUMN=DTYPE", param_hint="--dtype")
    return name, dtype
