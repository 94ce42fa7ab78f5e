"""The structures in a CIF, and what is in it that is none."""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raggedh5.errors import FormatError, SchemaError
from raggedh5.formats.crystal.cif.blocks import DamagedFileError, TextBlock, parsed, text_blocks
from raggedh5.formats.crystal.cif.structure import CifStructure, is_structure, structure_of

__all__ = ["CifFailure", "read_cif", "shown"]


@dataclass(frozen=True)
class CifFailure:
    """A data block, or a whole file, that is no structure.

    Attributes
    ----------
    path
        The file.
    block
        Name of the data block; None if it is about the whole file.
    line
        Number of the first line of the block; None if it is about the whole file.
    reason
        What is wrong.
    """

    path: str
    block: str | None
    line: int | None
    reason: str

    def __str__(self) -> str:
        if self.block is None:
            return f"{self.path}: {self.reason}"
        return f"{self.path}, data_{self.block} (line {self.line}): {self.reason}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as an object for `json.dumps`."""
        return asdict(self)


def read_cif(
    path: str | os.PathLike[str],
    *,
    failed: Callable[[CifFailure], None] | None = None,
    at: Callable[[int], None] = lambda nbytes: None,
) -> Iterator[CifStructure]:
    """Go through the structures of a CIF.

    There is one for each data block; blocks with neither a cell nor atoms are passed over. The
    atoms are those that the file lists: symmetry operations are not applied. Atoms of all groups
    of disorder are among them. No more than one block is in memory.

    Parameters
    ----------
    path
        The file: UTF-8, or Latin-1 where it is not; if its name ends in ``.gz``, compressed.
    failed
        Called with each block that is no structure, or with a file that has none; the others
        follow. Without it, the first one is an error.
    at
        Called with how many bytes of the file were read.

    Yields
    ------
    CifStructure

    Raises
    ------
    FormatError
        Naming file, block and line, if a block has no cell or no atoms, is not CIF, or if there is
        no structure in the file.
    ImportError
        If gemmi is not installed.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "halite.cif"
    >>> _ = path.write_text('''
    ... data_halite
    ... _cell_length_a 5.6402(2)
    ... _cell_length_b 5.6402(2)
    ... _cell_length_c 5.6402(2)
    ... _cell_angle_alpha 90
    ... _cell_angle_beta 90
    ... _cell_angle_gamma 90
    ... _symmetry_space_group_name_H-M 'F m -3 m'
    ... loop_
    ... _atom_site_label
    ... _atom_site_fract_x
    ... _atom_site_fract_y
    ... _atom_site_fract_z
    ... Na 0 0 0
    ... Cl 0.5 0.5 0.5
    ... ''')
    >>> [(one.identifier, one.space_group, one.atoms.labels) for one in read_cif(path)]
    [('halite', 'F m -3 m', ('Na', 'Cl'))]
    """
    name, found = shown(path), 0
    try:
        for block in text_blocks(Path(path), at):
            try:
                structure = _structure(block, name)
            except (FormatError, SchemaError) as error:
                found += 1
                _fail(CifFailure(name, block.name, block.line, str(error)), failed)
                continue
            if structure is not None:
                found += 1
                yield structure
    except DamagedFileError as error:
        _fail(CifFailure(name, None, None, str(error)), failed)
        return
    if not found:
        _fail(CifFailure(name, None, None, "there is no structure in it"), failed)


def _structure(block: TextBlock, path: str) -> CifStructure | None:
    known = parsed(block)
    if not is_structure(known):
        return None
    return structure_of(known, path, block.name or Path(path).stem, block.line)


def shown(path: str | os.PathLike[str]) -> str:
    """Return a path as text: names of files may be no Unicode."""
    return os.fspath(path).encode("utf-8", "backslashreplace").decode()


def _fail(failure: CifFailure, failed: Callable[[CifFailure], None] | None) -> None:
    if failed is None:
        raise FormatError(str(failure))
    failed(failure)
