"""Files and folders that are taken for HDF5 and are something else, known by how they begin."""

import codecs
import contextlib
import zipfile
from pathlib import Path

from raggedh5.care.diagnosis.findings import Finding

__all__ = ["foreign_file", "foreign_folder"]

HEAD = 4096

MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"CDF\x01", "a netCDF 3 file", "read it with xarray, netCDF4 or scipy.io.netcdf_file"),
    (0, b"CDF\x02", "a netCDF 3 file", "read it with xarray, netCDF4 or scipy.io.netcdf_file"),
    (0, b"CDF\x05", "a netCDF file (CDF-5)", "read it with xarray or netCDF4"),
    (0, b"\x93NUMPY", "a NumPy array (.npy)", "read it with numpy.load"),
    (0, b"\x0e\x03\x13\x01", "an HDF4 file", "convert it with h4toh5, or read it with pyhdf"),
    (0, b"PAR1", "a Parquet file", "read it with pyarrow.parquet or pandas.read_parquet"),
    (0, b"ARROW1", "an Arrow (Feather) file", "read it with pyarrow.ipc or pandas.read_feather"),
    (0, b"FEA1", "a Feather file", "read it with pyarrow.feather"),
    (0, b"SIMPLE  =", "a FITS file", "read it with astropy.io.fits"),
    (
        0,
        b"MATLAB 5.0 MAT-file",
        "a MATLAB file before version 7.3",
        "read it with scipy.io.loadmat",
    ),
    (0, b"SQLite format 3\0", "an SQLite database", "open it with sqlite3"),
    (0, b"II*\0", "a TIFF image", "read it with tifffile"),
    (0, b"MM\0*", "a TIFF image", "read it with tifffile"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image", "open it as an image"),
    (0, b"\xff\xd8\xff", "a JPEG image", "open it as an image"),
    (0, b"%PDF-", "a PDF document", "open it as a document"),
    (0, b"root", "a ROOT file", "read it with uproot"),
    (0, b"\x1f\x8b", "compressed with gzip", "decompress it first: gunzip"),
    (0, b"BZh", "compressed with bzip2", "decompress it first: bunzip2"),
    (0, b"\xfd7zXZ\0", "compressed with xz", "decompress it first: unxz"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with Zstandard", "decompress it first: zstd -d"),
    (0, b"\x04\x22\x4d\x18", "compressed with LZ4", "decompress it first: lz4 -d"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (257, b"ustar", "a tar archive", "unpack it first: tar -xf"),
    (0, b"\x80\x03", "a Python pickle", "load it where it was made; a pickle can run any code"),
    (0, b"\x80\x04", "a Python pickle", "load it where it was made; a pickle can run any code"),
    (0, b"\x80\x05", "a Python pickle", "load it where it was made; a pickle can run any code"),
)
MANGLED = (
    b"\x89HDF\n",  # carriage returns dropped
    b"\x89HDF\r\r\n",  # added
    b"\x89HDF\r\n\x1a\r\n",
    b"\x09HDF",  # the eighth bit dropped
    b"\xc2\x89HDF",  # taken for Latin-1 and written as UTF-8
    b"\xef\xbf\xbdHDF",
    b"?HDF\r\n",
)
"""How the signature of HDF5 looks after a transfer that took the file for text."""

AGAIN = "get the file again from where it came from"
LFS = b"version https://git-lfs.github.com/spec/"


def foreign_file(path: Path) -> Finding:
    """Say what a file without the signature of HDF5 seems to be.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(MANGLED):
        return Finding(
            "mangled",
            "The file began as HDF5, but its first bytes were changed as text is: it was copied in "
            "a text mode, or through an editor.",
            f"It cannot be mended; {AGAIN}, in binary mode.",
        )
    if head.startswith(LFS):
        return _foreign("a pointer of git-lfs, not the file itself", "run: git lfs pull")
    if b"/annex/objects/" in head[:256]:
        return _foreign("a pointer of git-annex, not the file itself", "run: git annex get")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return _foreign(
            "a web page, as a server sends instead of a file (look into it: a login, an error)",
            "download the file itself",
        )
    if text.startswith((b"<?xml", b"<error")):
        return _foreign("XML; servers send such in place of a file as an error", AGAIN)
    for place, magic, what, advice in MAGIC:
        if head.startswith(magic, place):
            return _foreign(what, advice)
    if head.startswith(b"PK\x03\x04"):
        return _foreign(*_zip_of(path))
    if not head.strip(b"\0"):
        return Finding(
            "blank",
            "The file begins with zeros only: its place was reserved, but its beginning was never "
            "written. The machine or the file system failed before that, or a download is under "
            "way.",
            f"There is nothing to be read; {AGAIN}.",
        )
    kind = "text" if _is_text(head) else "of an unknown kind"
    return _foreign(kind, f"see what it is (the command: file); if it was to be HDF5, {AGAIN}")


def foreign_folder(path: Path) -> Finding:
    """Say what a folder seems to be."""
    for name in ("zarr.json", ".zgroup", ".zarray"):
        if (path / name).is_file():
            return Finding(
                "foreign", "It is a folder: a Zarr store.", "Read it with zarr or xarray."
            )
    return Finding("folder", "It is a folder.", "Give the path of a file in it.")


def _foreign(what: str, advice: str) -> Finding:
    return Finding(
        "foreign", f"It is no HDF5 file, but {what}.", advice[0].upper() + advice[1:] + "."
    )


def _zip_of(path: Path) -> tuple[str, str]:
    names: list[str] = []
    broken = OSError, ValueError, zipfile.BadZipFile, NotImplementedError
    with contextlib.suppress(*broken), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if names and all(name.endswith(".npy") for name in names):
        return "arrays of NumPy (.npz)", "pack it: raggedh5 pack IN.npz OUT.h5"
    if any(name.endswith((".zgroup", ".zarray", "zarr.json")) for name in names):
        return "a Zarr store in a zip archive", "read it with zarr.storage.ZipStore"
    if any(name.endswith("data.pkl") for name in names):
        return "a PyTorch file", "load it with torch.load(..., weights_only=True)"
    return "a zip archive", "unpack it first: unzip"


def _is_text(head: bytes) -> bool:
    with contextlib.suppress(UnicodeDecodeError):
        # The last character may be cut off.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
        return all(char.isprintable() or char.isspace() for char in text)
    return False
