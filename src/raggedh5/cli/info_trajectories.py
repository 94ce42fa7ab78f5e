"""The trajectories of a file, for `raggedh5 info`: as a table, and for JSON."""

from typing import Any

from rich.text import Text

from raggedh5.cli.report import grid, show
from raggedh5.cli.screen import printable
from raggedh5.formats.trajectory.reading.hdf5_source import trajectories_in
from raggedh5.store.file import File

__all__ = ["report_trajectories", "trajectories_json"]

Found = list[dict[str, Any]]


def trajectories_json(file: File) -> Found:
    """Return what there is to say of each, in the shape that `raggedh5.cli.info_json` describes."""
    return [
        {
            "name": each.id,
            "status": each.status,
            "frames": each.n_frames,
            "ragged": each.ragged,
            "species": each.n_species,
            "fields": [{"name": name, "rows": len(each[name])} for name in each],
            "events": [{"name": name, "rows": len(rows)} for name, rows in each.events.items()],
        }
        for each in trajectories_in(file)
    ]


def report_trajectories(found: Found) -> None:
    """Show frames and fields of each."""
    if not found:
        return
    lines = grid("trajectory", "status", "frames", "species", "fields")
    for each in found:
        frames, species = each["frames"], each["species"]
        # How many frames have a field is said where it is not all of them.
        fields = [
            field["name"] if field["rows"] == frames else f"{field['name']} ({field['rows']:,})"
            for field in each["fields"]
        ]
        fields += [f"events/{field['name']} ({field['rows']:,})" for field in each["events"]]
        lines.add_row(
            Text(printable(each["name"])),
            Text(printable(each["status"])),
            f"{frames:,}",
            "varies" if each["ragged"] else "" if species is None else f"{species:,}",
            Text(printable(", ".join(fields))),
        )
    show("", lines)
