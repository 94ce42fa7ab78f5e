"""CIFs into the tables of one file."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from raggedh5.care.progress import Progress, silent
from raggedh5.care.targets import check_target
from raggedh5.errors import FormatError, WriteError
from raggedh5.formats.crystal.cif.batches import (
    atom_batch,
    cell_batch,
    crystal_batch,
    in_batches,
)
from raggedh5.formats.crystal.cif.parser import require_gemmi
from raggedh5.formats.crystal.cif.reading import CifFailure, read_cif, shown
from raggedh5.formats.crystal.cif.structure import CifStructure
from raggedh5.formats.crystal.writing.initializer import DatasetInitializer
from raggedh5.formats.crystal.writing.writers import ComputedDataWriter, RawDataWriter
from raggedh5.store.file import File

__all__ = ["PackCifReport", "pack_cif"]


@dataclass(frozen=True)
class PackCifReport:
    """What was packed.

    Attributes
    ----------
    sources
        The CIFs.
    target
        The new file.
    structures, atoms
        How many are in it.
    failures
        Data blocks, and files, that are not in it, with the reasons.
    warnings
        What is odd about structures that are: atoms left out, refcodes made unique, and the like.
    source_bytes, target_bytes
        Sizes of the CIFs together, and of the new file.
    seconds
        How long it took.
    """

    sources: tuple[str, ...]
    target: str
    structures: int
    atoms: int
    failures: tuple[CifFailure, ...]
    warnings: tuple[str, ...]
    source_bytes: int
    target_bytes: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the report as objects for `json.dumps`."""
        return asdict(self)


def pack_cif(
    paths: Sequence[str | os.PathLike[str]],
    dst: str | os.PathLike[str],
    *,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> PackCifReport:
    """Pack the structures of CIFs, one for each data block, in their order.

    Of crystals: identifier, space group, Z, Z', cell, its volume and density, and the path and the
    block that they are from; the matrix of the cell is in the table of what is computed. Of atoms:
    label, symbol, number, weight, fractional and Cartesian coordinates, occupancy and disorder.
    `CifStructure` says where each comes from. Symmetry operations are not applied: the atoms are
    the asymmetric unit as the file lists it. Numbers that a file does not state are NaN.

    The refcode of a structure is its identifier; if it is there already, ``"_2"`` and so on follow
    it. The files are read twice: first to know all refcodes, and then to write.

    Parameters
    ----------
    paths
        The CIFs; those that end in ``.gz`` are decompressed.
    dst
        Path of the new file, which appears when it is complete.
    strict
        Whether the first block that is no structure is an error. Otherwise it is in the report, and
        the others are packed.
    overwrite
        Whether `dst` is replaced if it exists.
    progress
        Called with bytes done and in all.

    Returns
    -------
    PackCifReport

    Raises
    ------
    FormatError
        If no structure was found, or, if `strict`, not everywhere.
    FileNotFoundError
        If a CIF does not exist.
    ImportError
        If gemmi is not installed.
    WriteError
        If `dst` exists already, or cannot be written.
    """
    started = time.perf_counter()
    require_gemmi()
    sources, target = [Path(path) for path in paths], Path(dst)
    check_target(sources, target, overwrite)
    sizes = [path.stat().st_size for path in sources]
    found = _Found(strict)
    for structure in _structures(sources, found.fail, _part(progress, sizes, 0)):
        found.add(structure)
    if not found.refcodes:
        raise FormatError(_nothing(found.failures))
    with File(target, "w" if overwrite else "x") as file:
        structures = _structures(sources, lambda failure: None, _part(progress, sizes, 1))
        _write(file, found.refcodes, structures)
    progress(2 * sum(sizes), 2 * sum(sizes))
    return PackCifReport(
        sources=tuple(map(shown, sources)),
        target=str(target),
        structures=len(found.refcodes),
        atoms=found.atoms,
        failures=tuple(found.failures),
        warnings=tuple(found.warnings),
        source_bytes=sum(sizes),
        target_bytes=target.stat().st_size,
        seconds=time.perf_counter() - started,
    )


@dataclass
class _Found:
    """What the first reading found out."""

    strict: bool
    refcodes: dict[str, None] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    atoms: int = 0
    failures: list[CifFailure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, structure: CifStructure) -> None:
        """Give a structure a refcode."""
        code = structure.identifier
        while code in self.refcodes:
            # Many files call all their blocks alike: the next number is known, not searched for.
            self.last[structure.identifier] = number = self.last.get(structure.identifier, 1) + 1
            code = f"{structure.identifier}_{number}"
        self.refcodes[code] = None
        self.atoms += len(structure.atoms.labels)
        place = f"{structure.path}, data_{structure.block} (line {structure.line})"
        if code != structure.identifier:
            self.warnings.append(f"{place}: {structure.identifier!r} is there already: {code!r}")
        self.warnings += [f"{place}: {warning}" for warning in structure.warnings]

    def fail(self, failure: CifFailure) -> None:
        """Note what is no structure."""
        if self.strict:
            raise FormatError(str(failure))
        self.failures.append(failure)


def _structures(
    sources: Sequence[Path], failed: Callable[[CifFailure], None], at: Callable[[int, int], None]
) -> Iterator[CifStructure]:
    for number, path in enumerate(sources):
        try:
            yield from read_cif(path, failed=failed, at=partial(at, number))
        except OSError as error:
            failed(CifFailure(shown(path), None, None, error.strerror or str(error)))


def _write(file: File, refcodes: Iterable[str], structures: Iterator[CifStructure]) -> None:
    codes = list(refcodes)
    DatasetInitializer(file, codes).initialize_datasets()
    raw, computed = RawDataWriter(file), ComputedDataWriter(file)
    start = 0
    for batch in in_batches(structures):
        stop = start + len(batch)
        known = zip(codes[start:stop], batch, strict=False)
        if stop > len(codes) or not all(code.startswith(one.identifier) for code, one in known):
            raise WriteError("the CIFs changed while they were read")
        raw.write_raw_crystal_data(start, crystal_batch(batch))
        raw.write_raw_atom_data(start, atom_batch(batch))
        computed.write_computed_crystal_data(start, cell_batch(batch))
        start = stop
    if start != len(codes):
        raise WriteError("the CIFs changed while they were read")


def _part(progress: Progress, sizes: Sequence[int], reading: int) -> Callable[[int, int], None]:
    """Return what tells how far one of two readings is, by the number of a file and bytes in it."""
    before = list(accumulate(sizes, initial=0))
    total = before[-1]
    return lambda number, nbytes: progress(reading * total + before[number] + nbytes, 2 * total)


def _nothing(failures: Sequence[CifFailure]) -> str:
    if not failures:
        return "there is nothing to pack: give the paths of some CIFs"
    more = f" ({len(failures) - 1} more like this)" if len(failures) > 1 else ""
    return f"no structure was found: {failures[0]}{more}"
