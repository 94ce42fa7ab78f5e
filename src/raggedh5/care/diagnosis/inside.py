"""What HDF5 made of a file in a child process, in plain words."""

from typing import Any

from raggedh5.care.diagnosis.filter_packages import filter_advice, filter_title
from raggedh5.care.diagnosis.findings import Finding, listed
from raggedh5.care.diagnosis.foreign import AGAIN

__all__ = ["by_trial"]


def by_trial(seen: dict[str, Any], timeout: float, versions: dict[str, str]) -> list[Finding]:
    """Say what the child process saw."""
    if seen["ended"] == "late":
        what = f"HDF5 did not get through its structure in {timeout:g} s and was stopped."
        advice = (
            "If it is a large file on a slow disk, give it more time. Otherwise it is damaged: "
            "raggedh5 repair"
        )
        return [Finding("hangs", what, advice)]
    if seen["ended"] != "in time":
        what = f"HDF5 crashed while it read its structure ({seen['ended']}): it is damaged."
        return [Finding("crashes", what, f"Run raggedh5 repair, or {AGAIN}.")]
    findings = [_refused(seen["error"], versions)] if "error" in seen else []
    for filter_id, paths in sorted(
        seen.get("filters", {}).items(), key=lambda entry: int(entry[0])
    ):
        findings.append(
            Finding(
                "filter-missing",
                f"HDF5 {filter_title(int(filter_id))} is missing here; {listed(paths)} cannot be "
                "read without it.",
                filter_advice(int(filter_id), versions["hdf5plugin"]),
            )
        )
    return findings + [_problem(*problem) for problem in seen["problems"]]


def _refused(error: str, versions: dict[str, str]) -> Finding:
    if "elsewhere" in error or "unable to lock" in error:
        what = f"It could not be locked: {error}."
        return Finding("locked", what, "Close it in the other process, then try again.")
    if "version" in error:
        return Finding(
            "hdf5-newer",
            f"HDF5 {versions['hdf5']} does not know a version of something in it: it was made by a "
            f"newer HDF5, or is damaged ({error}).",
            f"Install a newer h5py; if that does not help, run raggedh5 repair, or {AGAIN}.",
        )
    return Finding(
        "damaged",
        f"HDF5 cannot open it, so it is damaged ({error}).",
        f"Take it from a backup or {AGAIN}. If there is no other: raggedh5 recover after a crash "
        "of its writer, otherwise raggedh5 repair",
    )


def _problem(kind: str, name: str, said: str) -> Finding:
    if kind == "link":
        what = f"{name} is a link to {said}, which cannot be opened."
        advice = "Bring what it leads to where the link looks for it, or do without."
        return Finding("link-dangling", what, advice, prevents=False)
    if kind == "source":
        what = f"{name} takes its values from the file {said}, which is not there."
        advice = (
            "Put that file beside this one. For what it does not find, HDF5 gives the fill value, "
            "mostly 0, without a word."
        )
        return Finding("source-missing", what, advice)
    if kind == "newer":
        what = f"{name} was written in a newer version of raggedh5's format: {said}."
        return Finding("format-newer", what, "Install a newer raggedh5; h5py may read it as it is.")
    if kind == "checksums":
        what = f"Its checksums are of a newer version of raggedh5's format: {said}."
        advice = "It is read without them; install a newer raggedh5 to have them compared."
        return Finding("checksums-newer", what, advice, prevents=False)
    if kind == "table":
        what = f"{name} is an Awkward array, but no table that raggedh5 can read: {said}."
        advice = (
            "If AnnData or Awkward wrote it, read it with them. Otherwise it is damaged: raggedh5 "
            "repair"
        )
        return Finding("not-a-table", what, advice)
    what = f"{name} cannot be opened: {said}."
    return Finding("damaged", what, f"Run raggedh5 repair, or {AGAIN}.")
