"""The beginning of a trajectory in all its formats."""

from pathlib import Path

from raggedh5.core.frames import FrameField
from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.writing.alignment import (
    align,
    fields_of_trajectory,
    remove_backups,
)
from raggedh5.formats.trajectory.writing.frame_queue import FrameQueue
from raggedh5.formats.trajectory.writing.recorder import Recorder
from raggedh5.formats.trajectory.writing.store import Store

__all__ = ["begin"]


def begin(
    recorder: Recorder,
    stores: list[Store],
    output_dir: Path,
    traj_id: str,
    *,
    resume: bool,
    ragged: bool,
    estimated: int | None,
    most: int,
) -> FrameQueue:
    """Begin a trajectory, or go on with one, and return where its frames go.

    A format that cannot be begun has failed; the others go on, unless that is to raise.

    Parameters
    ----------
    recorder
        What writes it.
    stores
        Where it is written.
    output_dir
        The folder of the output.
    traj_id
        Its name.
    resume
        Whether one that is there is gone on with.
    ragged
        Whether the number of particles varies.
    estimated
        Frames that are expected.
    most
        Frames that one format may be ahead of another after a kill.
    """
    with recorder.lock:
        recorder.check()
        begun: list[Store] = []
        failed: list[tuple[Store, Exception]] = []
        try:
            counts = []
            for store in stores:
                try:
                    counts.append(store.begin(traj_id, resume, estimated))
                    begun.append(store)
                except (OSError, RuntimeError) as error:  # of the system, of HDF5
                    if recorder.raises:
                        raise
                    failed.append((store, error))
            if resume and failed and not begun:
                raise failed[0][1]  # nobody knows which frame is the next one
            if not resume:
                remove_backups(output_dir, traj_id)
            first, fields = 0, dict[str, FrameField]()
            if resume and begun:
                first = align(begun, traj_id, output_dir, counts, most)
                fields = fields_of_trajectory(begun[0].trajectory(traj_id))
                if fields and ragged != any(field.ragged for field in fields.values()):
                    said = "is fixed" if ragged else "varies"
                    raise SchemaError(
                        f"{traj_id}: the number of its particles {said}; go on with "
                        f"ragged={not ragged}"
                    )
            queue = recorder.begin(traj_id, list(stores), output_dir, first, fields, ragged)
        except BaseException:
            for store in begun:
                store.cancel(traj_id)
            raise
        for store, why in failed:
            recorder.fail(traj_id, store, why)
        return queue
