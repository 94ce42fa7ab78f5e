"""Whatever goes wrong: one clear line on stderr, exit status 2, no file, no traceback."""

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

import raggedh5 as rh5
from raggedh5.cli import packing
from raggedh5.cli.main import cli

COMMAND = [sys.executable, "-c", "from raggedh5.cli.main import main; main()"]


def fails(*words: object) -> str:
    """Run a command that fails, and return its one line."""
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("raggedh5: ")
    return result.stderr


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    rh5.write(tmp_path / "packed.h5", {"atoms": {"x": [[1, 2], [3]]}, "energy": np.ones(3)})
    return tmp_path / "packed.h5"


def bad_pack(folder: Path, arrays: dict[str, NDArray]) -> str:
    np.savez(folder / "bad.npz", **arrays)
    line = fails("pack", folder / "bad.npz", folder / "bad.h5")
    assert sorted(path.name for path in folder.iterdir()) == ["bad.npz"]
    return line


@pytest.mark.parametrize("words", [("info",), ("head", "TABLE"), ("pack", "out.h5")])
def test_missing_file(tmp_path: Path, words: tuple[str, ...]) -> None:
    path = tmp_path / "missing"
    line = fails(words[0], path, *words[1:])
    assert str(path) in line
    assert "no such file" in line.lower() or "does not exist" in line


@pytest.mark.parametrize("words", [("info",), ("head", "TABLE"), ("pack", "out.h5")])
def test_folder(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert str(tmp_path) in fails(words[0], tmp_path, *words[1:])


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_not_hdf5(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.h5").write_bytes(content)
    assert "cannot be opened as HDF5" in fails("info", tmp_path / "x.h5")
    assert "cannot be opened as HDF5" in fails("head", tmp_path / "x.h5", "atoms")


def test_damaged_table(packed: Path) -> None:
    with h5py.File(packed, "a") as file:
        file["atoms"].attrs["form"] = "{"
    assert "/atoms" in fails("info", packed)
    assert "/atoms" in fails("head", packed, "atoms")


def test_unknown_table_and_column(packed: Path) -> None:
    assert "'bonds' is not there; the file has 'atoms', 'energy'" in fails("head", packed, "bonds")
    line = fails("head", packed, "atoms", "--columns", "x,mass")
    assert "no column 'mass'" in line
    assert '"' not in line
    assert "no columns" in fails("head", packed, "energy", "--columns", "x")


def test_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 and no more")
    assert "is no .npz archive" in fails("pack", tmp_path / "x.npz", tmp_path / "x.h5")
    np.save(tmp_path / "x.npy", np.arange(3))
    assert "is no .npz archive" in fails("pack", tmp_path / "x.npy", tmp_path / "x.h5")
    with zipfile.ZipFile(tmp_path / "notes.npz", "w") as archive:
        archive.writestr("notes.txt", "hello")
    assert "'notes.txt' is no array" in fails("pack", tmp_path / "notes.npz", tmp_path / "x.h5")
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    assert "no arrays" in fails("pack", tmp_path / "empty.npz", tmp_path / "x.h5")
    assert not (tmp_path / "x.h5").exists()


@pytest.mark.parametrize("compressed", [False, True])
def test_archive_cut_short_or_flipped(tmp_path: Path, compressed: bool) -> None:
    save = np.savez_compressed if compressed else np.savez
    path = tmp_path / "x.npz"
    save(path, x=np.random.default_rng(0).normal(size=(500, 8)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert str(path) in fails("pack", path, tmp_path / "x.h5")
    for at in range(0, len(whole), 997):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        result = CliRunner().invoke(cli, ["pack", str(path), str(tmp_path / "x.h5")])
        # What the archive does not need (a date in a header, say) may change.
        assert result.exit_code in (0, 2)
        assert "unexpected" not in result.stderr
        (tmp_path / "x.h5").unlink(missing_ok=result.exit_code == 2)


def member(shape: str, dtype: str = "<f8") -> bytes:
    """Return the header of an array."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


def test_lying_headers(tmp_path: Path) -> None:
    for content in (
        member("(1000000000000000,)"),
        member("(-1, 2)"),
        member("(0, 4294967296, 4294967296, 4294967296)"),
        member("(1,)", "<f99"),
        member("(1"),
        member("(1.5,)"),
        b"\x93NUMPY\x09\x00",
        b"",
    ):
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            archive.writestr("x.npy", content + bytes(8))
        assert "'x' is damaged" in fails("pack", tmp_path / "x.npz", tmp_path / "x.h5")


def test_pickles_are_not_loaded(tmp_path: Path) -> None:
    marker = tmp_path / "loaded"

    class Trap:
        def __reduce__(self) -> object:
            return Path.touch, (marker,)

    np.savez(tmp_path / "x.npz", symbols=np.array([Trap()], object), allow_pickle=True)
    line = fails("pack", tmp_path / "x.npz", tmp_path / "x.h5")
    assert "'symbols' holds pickled Python objects" in line
    assert not marker.exists()


X = np.ones((5, 4, 3))
ONE = np.ones(5)
MASK = np.ones((5, 4), np.bool_)
LENGTHS = np.ones(5, np.int64)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (
            {"t/x": X, "t_mask": MASK[:, :3]},
            "'t/x' has shape (5, 4, 3), which does not begin with (5, 3) as 't_mask' does",
        ),
        ({"t/x": X, "t_mask": MASK[0]}, "'t_mask' has shape (4,), not (rows, width)"),
        ({"t/x": X, "t_mask": X[..., 0]}, "must be bool"),
        ({"t/x": X, "t_lengths": LENGTHS[:3]}, "'t_lengths'"),
        ({"t/x": X, "t_lengths": ONE}, "integer"),
        ({"t/x": X, "t_lengths": np.array([0, 1, 5, 0, 9])}, "row 2"),
        ({"t/x": X, "t_lengths": np.array([0, -1, 5, 0, 9])}, "row 1"),
        ({"t/x": X, "t_mask": MASK, "t_lengths": LENGTHS}, "a mask and lengths"),
        ({"t/x": X, "t/y": X[:, :3], "t_lengths": LENGTHS}, "'t/y'"),
        ({"t/y": ONE, "t_lengths": LENGTHS}, "'t/y' has shape (5,)"),
        ({"x": X, "mask": MASK[:, :3]}, "fits none"),
        ({"x": X, "mask": MASK, "lengths": LENGTHS}, "both"),
        ({"t/x": ONE, "t/y": ONE[:3]}, "'t/y'"),
        ({"t/x": ONE, "t/u/y": ONE}, "inside"),
        ({"t": ONE, "t/x": ONE}, "'t'"),
        ({"/x": ONE}, "no name"),
        ({"__raggedh5__": ONE}, "__raggedh5__"),
        ({"when": np.array(["2020-01-01"], "M8[D]")}, "datetime64"),
        ({"t/x": ONE, "t/when": np.zeros(5, "M8[D]")}, "datetime64"),
        ({"records": np.zeros(5, "i4,f8")}, "cannot be stored"),
        ({"text": np.array([["a"]])}, "cannot be stored"),
        ({"t/name": np.array([b"\xff"])}, "'name'"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, arrays: dict[str, NDArray], said: str) -> None:
    assert said in bad_pack(tmp_path, arrays)


def test_rows_are_counted_over_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "BATCH", 300)
    line = bad_pack(tmp_path, {"t/x": X, "t_lengths": np.array([0, 0, 0, 0, 9])})
    assert "row 4: length 9" in line


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.array("a\0b"), "NUL"),
        (np.array(b"\xff"), "UTF-8"),
        (np.array("2020-01-01", "M8[D]"), "datetime64"),
        (np.array(1, np.longdouble), "longdouble|float128|cannot be stored"),
        (np.frombuffer(b"\xff\xff\xff\x7f", "<U1").reshape(()), "code point|str"),
    ],
    ids=["nul", "bytes", "date", "longdouble", "code point"],
)
def test_single_values_that_cannot_be_stored(tmp_path: Path, value: NDArray, said: str) -> None:
    line = bad_pack(tmp_path, {"x": value})
    assert "report" not in line
    assert re.search(said, line), line


def test_rows_without_any_byte_are_packed_at_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", member("(1000000000000, 0)"))
    done = CliRunner().invoke(cli, ["pack", str(tmp_path / "x.npz"), str(tmp_path / "x.h5")])
    assert done.exit_code == 0, done.output
    with rh5.File(tmp_path / "x.h5") as file:
        assert file["x"].shape == (1_000_000_000_000, 0)


def test_options_that_do_not_fit(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.ones(3))
    words = ("pack", str(tmp_path / "x.npz"), str(tmp_path / "x.h5"))
    for options, said in (
        (("--codec", "lz4", "--level", "3"), "no levels"),
        (("--codec", "zstd", "--level", "30"), "levels 1 to 22"),
        (("--codec", "blosc-lz4", "--level", "10"), "levels 0 to 9"),
        (("--codec", "rar"), "rar"),
        (("--chunk-size", "many"), "512KiB"),
        (("--chunk-size", "0"), "512KiB"),
        (("--threads", "0"), "threads"),
    ):
        result = CliRunner().invoke(cli, [*words, *options])
        assert result.exit_code == 2
        assert said in result.stderr
    assert not (tmp_path / "x.h5").exists()


def test_targets_that_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.ones(3))
    before = path.read_bytes()
    assert "itself" in fails("pack", path, path, "--overwrite")
    assert "is a folder" in fails("pack", path, tmp_path, "--overwrite")
    assert "cannot be written" in fails("pack", path, tmp_path / "none" / "x.h5")
    assert path.read_bytes() == before


def run(*words: object, before: str = "pass", **options: object) -> tuple[int, str, str]:
    """Run a real process; `before` runs after the imports."""
    code = f"import os; from raggedh5.cli import head, info, main, pack\n{before}\nmain.main()"
    command = [sys.executable, "-c", code, *map(str, words)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )
    out, err = process.communicate(timeout=100)
    return process.returncode, out, err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_permission() -> None:
    # The superuser may do everything; a folder of pytest's own is closed to everybody else.
    humble = "''.encode('cp437'); os.setuid(65534)" if os.geteuid() == 0 else "pass"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive, packed = folder / "x.npz", folder / "packed.h5"
        np.savez(archive, x=np.ones(3))
        rh5.write(packed, {"x": np.ones(3)})
        folder.chmod(0o555)
        status, out, err = run("pack", archive, folder / "x.h5", before=humble)
        folder.chmod(0o755)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert "ermission denied" in err
        packed.chmod(0)
        archive.chmod(0)
        for words in (("info", packed), ("head", packed, "x"), ("pack", archive, "x.h5")):
            status, out, err = run(*words, before=humble)
            assert (status, out, err.count("\n")) == (2, "", 1)
            assert "ermission denied" in err
            assert str(words[1]) in err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_full_disk(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(1000, 1000)))
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))"
    )
    status, out, err = run("pack", tmp_path / "x.npz", tmp_path / "x.h5", before=limit)
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert "could not be written" in err
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupt(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((1000, 1000)))
    interrupt = (
        "import signal; from raggedh5.cli import packing; take = packing.reduced_dtype\n"
        "packing.reduced_dtype = lambda d: (os.kill(os.getpid(), signal.SIGINT), take(d))[1]"
    )
    words = ("pack", tmp_path / "x.npz", tmp_path / "x.h5", "--reduce")
    status, out, err = run(*words, before=interrupt)
    assert (status, out, err) == (130, "", "raggedh5: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.parametrize("words", [("info", "--json"), ("info",), ("head", "energy", "-n", "9")])
def test_broken_pipe(packed: Path, words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*COMMAND, words[0], str(packed), *words[1:]]
    result = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, timeout=100, check=False
    )
    os.close(writer)
    assert result.stderr == b""
    assert result.returncode == 1


def test_an_unexpected_error_is_one_line(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(file: object) -> None:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("raggedh5.cli.info.summarize", broken)
    assert "unexpected ZeroDivisionError: by zero" in fails("info", packed)
    monkeypatch.setenv("RAGGEDH5_TRACEBACK", "1")
    result = CliRunner().invoke(cli, ["info", str(packed)])
    assert isinstance(result.exception, ZeroDivisionError)


def test_names_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    line = fails("info", tmp_path / "a\x1b[2J\nb.h5")
    assert "\x1b" not in line
