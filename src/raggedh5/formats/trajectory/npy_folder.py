"""The folder of a trajectory in NumPy files, and what ``trajectory.json`` says of it."""

import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from raggedh5.errors import FormatError, WriteError
from raggedh5.formats.trajectory.fields import PARTICLES, STANDARD, file_stem, number_of

__all__ = ["OFFSETS", "RECORD", "FolderRecord", "folder_of", "id_of", "trajectory_folders"]

RECORD = "trajectory.json"

OFFSETS = f"{PARTICLES}_offsets.npy"
"""Where the particles of each frame begin, where their number varies."""

VERSION = "npy_v1"


@dataclass
class FolderRecord:
    """What is known of a trajectory in NumPy files beside their numbers.

    Attributes
    ----------
    id : str
        Name of the trajectory.
    metadata : dict
        Of the simulation.
    status : str
        ``"running"``, ``"completed"`` or ``"incomplete"``.
    n_frames : int
        Frames, once it is complete or was cut.
    start_time, end_time : str
        ISO 8601.
    fields : dict
        By name: their files, their units, and whether they have a value for each particle.
    complete_frames : int or None
        Frames that were flushed, where no field is in each of them; otherwise those fields tell.
    events : dict
        The same of fields whose rows are events of their own, and of no known frames.
    """

    id: str
    metadata: dict[str, Any] = field(default_factory=dict)
    status: str = "completed"
    n_frames: int = 0
    start_time: str = ""
    end_time: str = ""
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    complete_frames: int | None = None
    events: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, of_particles: bool = False, of_events: bool = False) -> None:
        """Add a field."""
        units = "bohr" if name.startswith("coordinates/") else None
        if name in STANDARD:
            units = STANDARD[name].units
        about: dict[str, Any] = {"file": f"{file_stem(name)}.npy", "units": units}
        if of_particles:
            about["particles"] = True
        (self.events if of_events else self.fields)[name] = about

    def write(self, folder: Path) -> None:
        """Write it to a folder, in place of the one before, at one blow.

        Raises
        ------
        WriteError
            If it cannot be written.
        """
        text = json.dumps({"format_version": VERSION, **asdict(self)}, indent=2)
        new = folder / f".{RECORD}.new"
        try:
            new.write_text(text + "\n")
            new.replace(folder / RECORD)
        except OSError as error:
            raise WriteError(f"{folder / RECORD} could not be written: {error}") from error

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the record of a folder; None where there is none.

        Raises
        ------
        FormatError
            If it is none.
        """
        path = folder / RECORD
        try:
            said = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise FormatError(f"{path} cannot be read: {error}") from error
        known = cls.__dataclass_fields__
        kinds = {"id": str, "fields": dict, "metadata": dict, "status": str, "n_frames": int}
        if not isinstance(said, dict) or not all(
            isinstance(said.get(name), kind) for name, kind in kinds.items()
        ):
            raise FormatError(f"{path} does not describe a trajectory")
        events = said.setdefault("events", {})
        if not isinstance(events, dict):
            raise FormatError(f"{path} does not describe events")
        for about in (*said["fields"].values(), *events.values()):
            name = about.get("file") if isinstance(about, dict) else None
            if not isinstance(name, str) or os.path.basename(name) != name:  # noqa: PTH119
                raise FormatError(f"{path} names no file of its folder: {name!r}")
        return cls(**{name: said[name] for name in known if name in said})

    @classmethod
    def guess(cls, folder: Path) -> Self:
        """Return the record of a folder that other programs have written: what its files say.

        Raises
        ------
        FormatError
            If there is no ``.npy`` file.
        """
        record = cls(id_of(folder))
        names = {about.stem: name for name, about in STANDARD.items()}
        for path in sorted(folder.glob("*.npy")):
            stem = path.name.removesuffix(".npy")
            if path.name != OFFSETS and not stem.endswith(".frames"):
                record.add(names.get(stem, stem.replace(".", "/")))
        if not record.fields:
            raise FormatError(f"{folder} has no .npy files of a trajectory")
        return record

    @staticmethod
    def remove(folder: Path) -> None:
        """Remove the files of a trajectory that was in a folder before, and no others."""
        try:
            record = FolderRecord.read(folder)
        except FormatError:
            record = None
        stems = [file_stem(PARTICLES)]
        for name, about in (record.fields | record.events if record else {}).items():
            (folder / about["file"]).unlink(missing_ok=True)
            stems.append(file_stem(name))
        for name in (OFFSETS, RECORD, *(f"{stem}.frames.npy" for stem in stems)):
            (folder / name).unlink(missing_ok=True)


def folder_of(output_dir: Path, traj_id: str) -> Path:
    """Return the folder of a trajectory.

    Examples
    --------
    >>> folder_of(Path("results"), "traj_001").as_posix()
    'results/traj1'
    """
    return output_dir / f"traj{number_of(traj_id)}"


def id_of(folder: Path) -> str:
    """Return the name of the trajectory in a folder, by the folder's name.

    Examples
    --------
    >>> id_of(Path("results/traj1")), id_of(Path("bvo"))
    ('traj_001', 'bvo')
    """
    match = re.fullmatch(r"traj(\d+)", folder.name)
    return f"traj_{int(match[1]):03d}" if match else folder.name.removeprefix("traj_")


def trajectory_folders(output_dir: Path) -> list[Path]:
    """Return the folders of trajectories in a folder, in the order of their numbers."""
    found = [path.parent for path in output_dir.glob(f"traj*/{RECORD}")]
    found += [
        path
        for path in output_dir.glob("traj*")
        if path not in found and path.is_dir() and any(path.glob("*.npy"))
    ]
    return sorted(
        found,
        key=lambda path: [
            (0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in re.split(r"(\d+)", path.name)
            if part
        ],
    )
