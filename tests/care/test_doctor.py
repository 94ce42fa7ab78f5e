"""`doctor`: each thing that can be the matter, made for real, and what is said of it."""

import gzip
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.care import Diagnosis
from raggedh5.care.diagnosis import trial
from raggedh5.care.doctor import doctor
from raggedh5.store.durable.journal import journal_of
from raggedh5.store.superblock import SIGNATURE

SOURCE = str(Path(rh5.__file__).parent.parent)
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


def kinds(found: Diagnosis) -> list[str]:
    return [finding.kind for finding in found.findings]


def only(path: Path, kind: str, **options: float) -> str:
    """Return what is said of the one thing that is the matter."""
    found = doctor(path, **options)
    assert kinds(found) == [kind], found
    (finding,) = found.findings
    assert found.healthy is not finding.prevents
    assert finding.what.endswith((".", ")"))
    assert finding.advice
    return f"{finding.what} {finding.advice}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.h5"
    rh5.write(path, {"atoms": {"symbol": [["O", "H"], ["N"]]}, "box": np.eye(3)})
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look into the file in this process: others have tried the child."""

    def look(path: Path, timeout: float) -> dict:
        return {**json.loads(json.dumps(trial.look_into(path))), "ended": "in time"}

    monkeypatch.setattr(importlib.import_module("raggedh5.care.doctor"), "try_to_open", look)


class Other:
    """Another process that opens a file and keeps it open."""

    def __init__(self, code: str, *words: object) -> None:
        environment = {**os.environ, "PYTHONPATH": SOURCE}
        command = [sys.executable, "-c", code + "\nprint('ready', flush=True); input()"]
        self.process = subprocess.Popen(
            [*command, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def __enter__(self) -> subprocess.Popen:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        return self.process

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_a_healthy_file(path: Path) -> None:
    before = path.read_bytes(), path.stat().st_mtime_ns
    found = doctor(str(path))
    assert found.healthy
    assert found.findings == ()
    assert found.path == str(path)
    assert found.versions["h5py"] == h5py.__version__
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert json.loads(json.dumps(found.as_dict()))["healthy"] is True


@pytest.mark.usefixtures("quick")
def test_every_golden_file_is_healthy() -> None:
    for golden in (Path(__file__).parents[1] / "data").glob("*.h5"):
        assert doctor(golden).findings == ()


@pytest.mark.usefixtures("quick")
def test_a_file_without_anything_in_it(tmp_path: Path) -> None:
    with rh5.File(tmp_path / "x.h5", "w"):
        pass
    with rh5.File(tmp_path / "y ü.h5", "w") as file:
        file.create_table("none")
        file.create_table("no rows", {"x": "f4"})
    assert doctor(tmp_path / "x.h5").findings == ()
    assert doctor(tmp_path / "y ü.h5").findings == ()


def test_what_is_not_there(tmp_path: Path) -> None:
    assert "does not exist" in only(tmp_path / "x.h5", "missing")
    assert "does not exist" in only(tmp_path / "none" / "x.h5", "missing")
    (tmp_path / "link.h5").symlink_to("gone.h5")
    assert "gone.h5" in only(tmp_path / "link.h5", "missing")
    (tmp_path / "round.h5").symlink_to("round.h5")
    only(tmp_path / "round.h5", "unreadable")
    (tmp_path / "text").write_text("x")
    only(tmp_path / "text" / "x.h5", "unreadable")


def test_what_is_no_file(tmp_path: Path) -> None:
    assert "folder" in only(tmp_path, "folder")
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / ".zgroup").write_text("{}")
    assert "Zarr" in only(tmp_path / "a.zarr", "foreign")
    (tmp_path / "empty.h5").touch()
    assert "empty" in only(tmp_path / "empty.h5", "empty")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.h5")
        only(tmp_path / "pipe.h5", "device")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_what_may_not_be_read() -> None:
    # The superuser may do everything; a folder of pytest's own is closed to everybody else.
    humble = "import os; os.setuid(65534)" if os.geteuid() == 0 else ""
    code = f"""
import sys, json; from raggedh5.care.doctor import doctor
doctor("/")  # imports what the other user may not be able to
{humble}
print(json.dumps([doctor(path).as_dict() for path in sys.argv[1:]]))
"""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rh5.write(folder / "closed.h5", {"x": np.ones(3)})
        (folder / "closed.h5").chmod(0)
        (folder / "room").mkdir(mode=0)
        folder.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", code, folder / "closed.h5", folder / "room" / "x.h5"],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONPATH": SOURCE},
            cwd="/",
        )
    for found in json.loads(done.stdout):
        assert [finding["kind"] for finding in found["findings"]] == ["permission"]


def test_files_of_other_kinds(tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    np.save(tmp_path / "a.npy", np.ones(3))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.txt", "x")
    rh5.write(path, {"x": np.ones(3)})
    contents = {
        "Parquet": b"PAR1" + bytes(50),
        "netCDF 3": b"CDF\x02" + bytes(50),
        "HDF4": b"\x0e\x03\x13\x01" + bytes(50),
        "FITS": b"SIMPLE  =                    T",
        "raggedh5 pack": (tmp_path / "a.npz").read_bytes(),
        "zip archive": (tmp_path / "a.zip").read_bytes(),
        "numpy.load": (tmp_path / "a.npy").read_bytes(),
        "gunzip": gzip.compress(path.read_bytes()),
        "git lfs pull": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "git annex get": b"/annex/objects/SHA256E-s9--00.h5\n",
        "web page": b"\n<!DOCTYPE html><html><body>Log in</body></html>",
        "XML": b"<?xml version='1.0'?><Error>AccessDenied</Error>",
        "tar": bytes(257) + b"ustar" + bytes(250),
        "but text": "just text, ångström\n".encode() * 500,
        "unknown kind": np.random.default_rng(0).bytes(100),
        "a zip archive": b"PK\x03\x04 cut short",
        "of an unknown kind": SIGNATURE[:5],
    }
    for said, content in contents.items():
        path.write_bytes(content)
        assert said in only(path, "foreign"), said


def test_a_file_that_was_taken_for_text(path: Path) -> None:
    content = path.read_bytes()
    for mangled in (
        content.replace(b"\r\n", b"\n"),
        content.replace(b"\n", b"\r\n"),
        content.decode("latin-1").encode(),
        content.decode("utf-8", "replace").encode(),
        bytes(byte & 127 for byte in content),
    ):
        path.write_bytes(mangled)
        assert "text" in only(path, "mangled")


def test_a_file_of_zeros(path: Path) -> None:
    path.write_bytes(bytes(10_000))
    assert "never written" in only(path, "blank")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("libver", ["earliest", "v108", "v110"])
def test_a_file_that_is_cut_short_or_too_long(path: Path, libver: str) -> None:
    with h5py.File(path, "w", libver=libver) as file:
        file["x"] = np.arange(1000)
    size = path.stat().st_size
    os.truncate(path, size - 100)
    said = only(path, "truncated")
    assert f"{size - 100} bytes" in said
    assert str(size) in said
    os.truncate(path, size + 100)
    assert "100 bytes longer" in only(path, "longer")
    for length in (8, 60):
        os.truncate(path, length)
        assert not doctor(path).healthy


@pytest.mark.usefixtures("quick")
def test_a_user_block(path: Path) -> None:
    for size in (512, 4096):
        with h5py.File(path, "w", userblock_size=size) as file:
            file["x"] = 1
        assert str(size) in only(path, "user-block")


def test_a_superblock_that_is_too_new(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8] = 7
    path.write_bytes(content)
    said = only(path, "superblock-newer")
    assert "version 7" in said
    assert h5py.version.hdf5_version in said


WRITER = """
import sys, h5py
file = h5py.File(sys.argv[1], "w", libver="v110")
file.create_dataset("x", (0,), "f4", maxshape=(None,), chunks=(10,))
file.swmr_mode = {swmr}
file.flush()
"""


@linux
@pytest.mark.parametrize("swmr", [True, False])
def test_the_mark_of_a_writer_dead_or_alive(path: Path, swmr: bool) -> None:
    code = WRITER.format(swmr=True) if swmr else WRITER.replace("file.swmr_mode = {swmr}\n", "")
    with Other(code, path) as process:
        said = only(path, "being-written" if swmr else "locked")
        assert f"process {process.pid} " in said
    with pytest.raises(OSError, match="already open for write"):
        h5py.File(path)
    assert "raggedh5 recover" in only(path, "crash-mark")


@linux
def test_a_lock_that_is_held(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Other("import h5py, sys; file = h5py.File(sys.argv[1], 'r+')", path) as process:
        said = only(path, "locked")
        assert f"process {process.pid} " in said
        assert "python" in said
        monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "FALSE")
        found = doctor(path)
        assert found.healthy
        assert sorted(kinds(found)) == ["locked", "locking-off"]
        monkeypatch.delenv("HDF5_USE_FILE_LOCKING")
    assert doctor(path).findings == ()


@pytest.mark.usefixtures("quick")
@linux
def test_a_writer_without_a_lock(path: Path) -> None:
    code = "import h5py, sys; file = h5py.File(sys.argv[1], 'r+', locking=False)"
    with Other(code, path) as process:
        said = only(path, "being-written")
        assert f"process {process.pid} " in said
        assert "without a lock" in said
        assert doctor(path).healthy


@pytest.mark.usefixtures("quick")
@linux
def test_the_length_does_not_count_while_a_writer_is_at_work(path: Path) -> None:
    code = "import h5py, sys; file = h5py.File(sys.argv[1], 'r+'); file['y'] = [0.0] * 10**6"
    with Other(code, path):
        os.truncate(path, path.stat().st_size - 10)
        only(path, "locked")
    assert kinds(doctor(path)) == ["truncated"] or kinds(doctor(path)) == ["longer"]


@pytest.mark.usefixtures("quick")
@linux
def test_a_lock_that_this_process_holds(path: Path) -> None:
    with rh5.File(path, "r+") as file:
        assert "this very process" in only(path, "locked")
        file["atoms"].append({"symbol": [["C"]]})  # which still can be written
    assert doctor(path).findings == ()


@pytest.mark.usefixtures("quick")
@linux
def test_a_file_that_others_read(path: Path) -> None:
    with Other("import h5py, sys; file = h5py.File(sys.argv[1])", path) as process:
        assert f"process {process.pid} " in only(path, "open-elsewhere")
        assert doctor(path).healthy


def with_filter(path: Path, filter_id: int) -> None:
    """Make a dataset whose chunks went through a filter that nobody has."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((4,))
    properties.set_filter(filter_id, h5py.h5z.FLAG_OPTIONAL, (1, 2))
    with h5py.File(path, "a") as file:
        group = file.require_group("group")
        space = h5py.h5s.create_simple((8,))
        name = f"x{filter_id}".encode()
        dataset = h5py.h5d.create(group.id, name, h5py.h5t.NATIVE_INT32, space, properties)
        h5py.Dataset(dataset).id.write_direct_chunk((0,), b"coded")


@pytest.mark.usefixtures("quick")
def test_filters_that_are_missing(path: Path) -> None:
    for filter_id in (32020, 32025, 32014, 40000, 30000):
        with_filter(path, filter_id)
    found = doctor(path)
    assert kinds(found) == ["filter-missing"] * 5
    said = {finding.what.split()[2]: finding for finding in found.findings}
    assert "/group/x32020" in said["32020"].what
    assert "VBZ" in said["32020"].what
    assert "pip install vbz-h5py-plugin" in said["32020"].advice
    assert "gitlab" in said["32025"].advice
    assert "HDF5_PLUGIN_PATH" in said["32014"].advice
    assert "private" in said["40000"].advice
    with rh5.File(path) as file, pytest.raises(rh5.CodecError):
        file["group/x32020"][:]


def test_a_filter_that_hdf5plugin_should_have(path: Path) -> None:
    import hdf5plugin

    with h5py.File(path, "a") as file:
        file.create_dataset("z", data=np.arange(100.0), chunks=(10,), **hdf5plugin.Zfp())
    assert doctor(path).findings == ()
    child = f"import h5py, hdf5plugin; h5py.h5z.unregister_filter(32013); {trial.CHILD}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "CHILD", child)
        said = only(path, "filter-missing")
    assert "(zfp)" in said
    assert "pip install -U hdf5plugin" in said


def test_a_plugin_path_that_leads_nowhere(path: Path) -> None:
    code = "import sys; from raggedh5.care import doctor; print(doctor(sys.argv[1]).as_dict())"
    environment = {**os.environ, "PYTHONPATH": SOURCE, "HDF5_PLUGIN_PATH": "/no/such/folder"}
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, env=environment
    )
    assert "'plugin-path'" in done.stdout, done.stderr
    assert "'healthy': True" in done.stdout


@pytest.mark.usefixtures("quick")
def test_newer_versions_of_the_format(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["atoms"].attrs["raggedh5-version"] = 9
        file["__raggedh5__"].attrs["format-version"] = 9
    found = doctor(path)
    assert kinds(found) == ["format-newer", "checksums-newer"]
    assert "/atoms" in found.findings[0].what


@pytest.mark.usefixtures("quick")
def test_tables_that_are_none(path: Path) -> None:
    awkward = pytest.importorskip("awkward")
    anndata = pytest.importorskip("anndata")
    with h5py.File(path, "a") as file:
        anndata.io.write_elem(file, "union", awkward.Array([1, "a", [2.5]]))
        file.copy("atoms", "broken")
        del file["broken/atoms-offsets"]
    found = doctor(path)
    assert kinds(found) == ["not-a-table", "not-a-table"]
    assert [finding.what.split()[0] for finding in found.findings] == ["/broken", "/union"]
    assert "AnnData" in found.findings[1].advice


@pytest.mark.usefixtures("quick")
def test_links_that_lead_nowhere(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["soft"] = h5py.SoftLink("/gone")
        file["group/outside"] = h5py.ExternalLink("other.h5", "/x")
        file["group/round"] = file["group"]
    found = doctor(path)
    assert found.healthy
    assert kinds(found) == ["link-dangling", "link-dangling"]
    said = " ".join(finding.what for finding in found.findings)
    assert "/soft is a link to /gone" in said
    assert "/group/outside is a link to other.h5:/x" in said


@pytest.mark.usefixtures("quick")
def test_values_that_lie_in_other_files(path: Path) -> None:
    part = path.with_name("part.h5")
    with h5py.File(part, "w") as file:
        file["x"] = np.arange(5)
    with h5py.File(path, "a") as file:
        layout = h5py.VirtualLayout((5,), "i8")
        layout[:] = h5py.VirtualSource("part.h5", "x", (5,))
        file.create_virtual_dataset("all", layout)
        own = h5py.VirtualLayout((3, 3), "f8")
        own[:] = h5py.VirtualSource(".", "box", (3, 3))
        file.create_virtual_dataset("own", own)
        # Any number of files, by a pattern.
        whole = h5py.h5s.create_simple((5,), (h5py.h5s.UNLIMITED,))
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        blocks = h5py.h5s.create_simple((5,), (h5py.h5s.UNLIMITED,))
        blocks.select_hyperslab((0,), (h5py.h5s.UNLIMITED,), (5,), (5,))
        properties.set_virtual(blocks, b"part-%b.h5", b"x", h5py.h5s.create_simple((5,)))
        h5py.h5d.create(file.id, b"many", h5py.h5t.NATIVE_INT64, whole, properties)
    assert doctor(path).findings == ()
    part.rename(path.with_name("moved.h5"))
    said = only(path, "source-missing")
    assert "/all" in said
    assert "part.h5" in said


def test_damage(path: Path) -> None:
    with h5py.File(path, "w", libver="earliest") as file:
        for name in "abc":
            file[f"{name}/x"] = np.arange(10)
        place = h5py.h5o.get_info(file["b"].id).addr
        content = bytearray(path.read_bytes())
    content = bytearray(path.read_bytes())
    content[place : place + 16] = b"\xff" * 16
    path.write_bytes(content)
    said = only(path, "damaged")
    assert "raggedh5 repair" in said
    with h5py.File(path, "w", libver="v110") as file:
        file["x"] = 1
    content = bytearray(path.read_bytes())
    content[40] ^= 1  # of the superblock, which has a checksum
    path.write_bytes(content)
    assert "raggedh5 repair" in only(path, "damaged")


@pytest.mark.usefixtures("quick")
def test_a_temporary_file_beside_it(path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    temporary = path.with_name(f".{path.name}.{dead.pid}-0123abcd.tmp")
    temporary.write_bytes(path.read_bytes())
    for other in (f".other.h5.{dead.pid}-0123abcd.tmp", f".{path.name}.x-0123abcd.tmp"):
        path.with_name(other).touch()
    said = only(path, "temporary-file")
    assert doctor(path).healthy
    assert temporary.name in said
    assert f"no process {dead.pid}" in said
    path.unlink()
    assert kinds(doctor(path)) == ["missing", "temporary-file"]
    mine = temporary.rename(path.with_name(f".{path.name}.{os.getpid()}-0123abcd.tmp"))
    assert "not seen to have it open" in doctor(path).findings[1].what
    mine.unlink()
    os.mkfifo(path.with_name(f".{path.name}.{2**80}-0123abcd.tmp"))
    assert "not known" in doctor(path).findings[1].what


@pytest.mark.usefixtures("quick")
@linux
def test_a_file_that_is_being_made(path: Path) -> None:
    long = path.with_name("ä" * 120 + ".h5")
    for target in (path, long):
        with rh5.File(target, "w") as file:
            file.create_array("x", data=np.ones(3))
            found = doctor(target)
            assert kinds(found)[-1] == "being-written"
            assert str(os.getpid()) in found.findings[-1].what
    assert doctor(path).findings == ()


@pytest.mark.usefixtures("quick")
def test_a_journal_beside_it(path: Path) -> None:
    journal = journal_of(path)
    journal.write_bytes(b"rows")
    assert "raggedh5 recover" in only(path, "journal")
    if sys.platform.startswith("linux"):
        with journal.open("r+b"):
            assert "this very process" in only(path, "being-written")


def test_hdf5_that_hangs_or_crashes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "CHILD", "import time; time.sleep(60)")
    begin = time.monotonic()
    assert "0.5 s" in only(path, "hangs", timeout=0.5)
    assert time.monotonic() - begin < 30
    monkeypatch.setattr(trial, "CHILD", "import os; os.kill(os.getpid(), 9)")
    assert "signal 9" in only(path, "crashes")
    monkeypatch.setattr(trial, "CHILD", "raise SystemExit('out of memory')")
    assert "out of memory" in only(path, "crashes")
