"""Several formats of one trajectory brought to the same frame, before it goes on."""

import contextlib
import shutil
from pathlib import Path

from raggedh5.core.frames import FrameField
from raggedh5.errors import RaggedH5Error, SchemaError
from raggedh5.formats.trajectory.npy_folder import folder_of
from raggedh5.formats.trajectory.reading.npy_source import npy_trajectory
from raggedh5.formats.trajectory.reading.ragged_field import RaggedField
from raggedh5.formats.trajectory.reading.trajectory import Trajectory
from raggedh5.formats.trajectory.writing.backup import FOLDER
from raggedh5.formats.trajectory.writing.store import Store

__all__ = ["align", "fields_of_trajectory", "remove_backups"]


def align(stores: list[Store], traj_id: str, output_dir: Path, counts: list[int], most: int) -> int:
    """Bring all stores to the same number of frames.

    A store that has fewer gets the missing ones from another, or from a backup, as far as they are
    kept exactly there. What is ahead then is cut.

    Parameters
    ----------
    stores
        The stores, which have begun the trajectory.
    traj_id, output_dir
        The trajectory, and the folder of the output.
    counts
        Complete frames of each.
    most
        How many frames may be cut: as many as a kill can leave one format ahead.

    Returns
    -------
    int
        Frames that all of them have now.

    Raises
    ------
    SchemaError
        If they are further apart.
    """
    for store, count in zip(stores, counts, strict=True):
        store.cut(traj_id, count)
    whole = [store.trajectory(traj_id) for store in stores]
    backups = _backups(output_dir, traj_id)
    goal = max([*counts, *(backup.n_frames for backup in backups)], default=0)
    reached = []
    for number, (store, count) in enumerate(zip(stores, counts, strict=True)):
        sources = [each for at, each in enumerate(whole) if at != number] + backups
        reached.append(_catch_up(store, traj_id, count, goal, list(filter(_exact, sources))))
    frames = min(reached)
    if max(reached) - frames > most:
        said = ", ".join(
            f"{store.format} {count}" for store, count in zip(stores, reached, strict=True)
        )
        raise SchemaError(
            f"{traj_id}: the formats end at different frames ({said}), and what is missing is kept "
            "nowhere exactly; go on with the longer one alone, or convert it first"
        )
    for store in stores:
        store.cut(traj_id, frames)
        store.flush(traj_id)
    remove_backups(output_dir, traj_id)
    return frames


def fields_of_trajectory(trajectory: Trajectory) -> dict[str, FrameField]:
    """Return the fields that a trajectory has, as its next frames have them."""
    fields = {}
    for name in trajectory.fields:
        field = trajectory[name]
        if isinstance(field, RaggedField):
            fields[name] = FrameField(name, field.dtype, field.inner, ragged=True)
        else:
            vectors = field.n_species is not None and len(field.shape) == 2
            fields[name] = FrameField(name, field.dtype, field.shape[1:], vectors=vectors)
    return fields


def remove_backups(output_dir: Path, traj_id: str) -> None:
    """Remove the backups of a trajectory, which are of no use any more."""
    for folder in _folders(output_dir, traj_id):
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()
            folder.parent.parent.rmdir()


def _catch_up(store: Store, traj_id: str, count: int, goal: int, sources: list[Trajectory]) -> int:
    """Append the frames that others have; return how many there are then."""
    for source in sources:
        if count < goal and _has(source, count):
            for batch in source.batches(count, source.n_frames):
                store.write(traj_id, batch)
                count = batch.stop
            store.flush(traj_id)
    return count


def _has(source: Trajectory, frame: int) -> bool:
    """Whether a trajectory has every frame from one on: a backup begins somewhere."""
    if frame >= source.n_frames:
        return False
    starts = [source[name].first_frame for name in source.fields]
    return bool(starts) and min(starts) <= frame


def _exact(source: Trajectory) -> bool:
    return all(source[name].precision is None for name in source.fields)


def _folders(output_dir: Path, traj_id: str) -> list[Path]:
    places = sorted((output_dir / FOLDER).glob("*")) if (output_dir / FOLDER).is_dir() else []
    return [folder for place in places if (folder := folder_of(place, traj_id)).is_dir()]


def _backups(output_dir: Path, traj_id: str) -> list[Trajectory]:
    found = []
    for folder in _folders(output_dir, traj_id):
        with contextlib.suppress(RaggedH5Error):
            found.append(npy_trajectory(folder))
    return found
