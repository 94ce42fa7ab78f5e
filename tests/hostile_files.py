"""Small valid files of every kind, and ways to damage them; what is run on them in a child."""

import hashlib
import warnings
from pathlib import Path

import h5py
import numpy as np

import raggedh5 as rh5
from kinds import plain, ragged_kinds, row_kinds
from raggedh5.care.checking.file_checks import check_file
from raggedh5.care.salvaging.file import salvage_file

CODECS = {
    "blosc": rh5.Blosc(),
    "lz4": rh5.LZ4(),
    "zstd": rh5.Zstd(),
    "bitshuffle": rh5.Bitshuffle(),
    "gzip": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "none": None,
}


def _fill(file, rng, chunk_bytes=400):
    columns, data = ragged_kinds(rng, rng.integers(0, 5, 40))
    some = ("float32", "int16", "bool", "complex64", "coords", "label", "symbol", "tag")
    some += ("measured", "bonds")
    table = file.create_table("atoms", {n: columns[n] for n in some}, chunk_bytes=chunk_bytes)
    table.append({name: data[name] for name in some})
    columns, values = row_kinds(rng, 30)
    some = ("float64", "uint8", "cell", "title", "group", "note", "energy")
    table = file.create_table("run/cells", {n: columns[n] for n in some}, ragged=False)
    table.append({name: values[name] for name in some})
    file.create_array(
        "frames", data=rng.integers(0, 999, (50, 4, 3)).astype("u2"), chunks=(8, 4, 3)
    )
    file.create_array("grid", data=rng.normal(size=(20, 9)).astype("f4"), chunks=(6, 4))


def make_files(folder: Path) -> dict[str, Path]:
    """Write the files; by name."""
    made = {}
    for name, codec in CODECS.items():
        rng = np.random.default_rng(5)
        made[name] = folder / f"{name}.h5"
        with rh5.File(made[name], "w", codec=codec, chunk_bytes=400) as file:
            _fill(file, rng)
            file.h5["atoms"].attrs["about"] = "some words of variable length"
            file.h5["frames"].attrs["names"] = ["a", "bc", "def"]
    made["latest"] = folder / "latest.h5"
    with rh5.File(made["latest"], "w", chunk_bytes=400, libver="latest") as file:
        _fill(file, np.random.default_rng(6))
    made["adopted"] = folder / "adopted.h5"
    with h5py.File(made["adopted"], "w") as stock:
        stock["contiguous"] = np.arange(300.0)
        stock["words"] = ["alpha", "beta", "gamma"]
        stock["scalar"] = 7
        stock["compound"] = np.array([(1, 2.0), (3, 4.0)], [("a", "i4"), ("b", "f8")])
        stock.create_dataset("gzip", data=np.arange(900), chunks=(100,), compression="gzip")
        stock["link"] = h5py.SoftLink("/gzip")
        with rh5.File(stock, chunk_bytes=400) as file:
            _fill(file, np.random.default_rng(7))
    made["anndata"] = folder / "anndata.h5"
    _write_anndata(made["anndata"])
    return made


def _write_anndata(path: Path) -> None:
    import anndata
    import awkward as ak

    rng = np.random.default_rng(8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held = anndata.AnnData(rng.normal(size=(20, 5)).astype("f4"))
        lengths = rng.integers(0, 4, 20)
        held.obsm["contacts"] = ak.unflatten(
            ak.zip({"x": rng.normal(size=lengths.sum()), "n": np.arange(lengths.sum())}), lengths
        )
        held.write_h5ad(path)


def damage(data: bytes, rng) -> bytes:
    """Flip, cut, overwrite or splice bytes at one place, as often as not among the metadata."""
    out = bytearray(data)
    kind = rng.integers(0, 8)
    at = int(rng.integers(0, len(out)))
    span = int(min(2 ** rng.integers(0, 9), len(out) - at))
    if kind <= 2:
        out[at] ^= 1 << int(rng.integers(0, 8))
    elif kind == 3:
        out[at] = int(rng.integers(0, 256))
    elif kind == 4:
        out[at : at + span] = bytes(span) if rng.random() < 0.5 else b"\xff" * span
    elif kind == 5:
        out[at : at + span] = rng.bytes(span)
    elif kind == 6:
        source = int(rng.integers(0, len(out) - span + 1))
        out[at : at + span] = data[source : source + span]
    elif rng.random() < 0.3:
        del out[at:]
    elif rng.random() < 0.5:
        del out[at : at + span]
    else:
        out[at:at] = rng.bytes(span)
    return bytes(out)


def digest(value) -> str:
    """Return a hash of any values."""
    return hashlib.sha256(repr(plain(value)).encode()).hexdigest()[:16]


def protected(path) -> dict[str, str]:
    """Return the `contents` of a file that have checksums, and so must not be read wrong."""
    with h5py.File(path) as file:
        listed = set(file.get("__raggedh5__/checksums", ()))
    return {name: value for name, value in contents(path).items() if name.split("/")[0] in listed}


def contents(path) -> dict[str, str]:
    """Return a hash of every column and array of a file; raise what reading raises."""
    found = {}
    with rh5.File(path) as file:
        tables, arrays = file.contents()
        for name, table in tables.items():
            found[f"{name} rows"] = str(len(table))
            for column, value in table.read().items():
                found[f"{name}/{column}"] = digest(value)
        for name, array in arrays.items():
            value = array.read()
            found[name] = digest(value) + f" {getattr(value, 'dtype', '')}"
    return found


def judge(path, expected, pulse):
    """Validate a file; where it is valid, compare what it holds. Runs in a child."""
    report = check_file(path, False, True, 1, pulse)
    pulse(1, 1)
    if report["errors"]:
        return {"outcome": "error", "kinds": sorted({e["kind"] for e in report["errors"]})}
    found = contents(path)
    wrong = sorted(name for name in expected if found.get(name) != expected[name])
    if not wrong:
        return {"outcome": "equal"}
    kinds = sorted({w["kind"] for w in report["warnings"]})
    return {"outcome": "warned" if kinds else "silent", "wrong": wrong, "kinds": kinds}


def judge_repair(path, target, original, pulse):
    """Repair a file; compare what it says that it kept. Runs in a child."""
    found = salvage_file(path, target, [], pulse)
    pulse(1, 1)
    wrong = []
    if check_file(target, False, True, 1, pulse)["errors"]:
        wrong.append("not valid")
    with h5py.File(original) as stock:
        ours = {f"/{name}" for name in stock.get("__raggedh5__/checksums", ())}
    with rh5.File(original) as old, rh5.File(target) as new:
        for table in found["tables"]:
            if f"/{table['path'].split('/')[1]}" in ours and table["path"] in old:
                wrong += _wrong_columns(table, old[table["path"]], new[table["path"]])
        for array in found["arrays"]:
            path = array["path"]
            if path in ours and path in old and not isinstance(old[path], rh5.Table):
                keep = np.ones(array["rows"], bool)
                for first, last in array["filled"]:
                    keep[first:last] = False
                was, now = old[path].read(), new[path].read()
                if now.shape != was.shape or not np.array_equal(now[keep], was[keep]):
                    wrong.append(path)
    lost = bool(found["lost"] or any(t["lost"] or t["dropped"] for t in found["tables"]))
    lost |= any(array["filled"] for array in found["arrays"])
    return {"outcome": "wrong" if wrong else "part" if lost else "whole", "wrong": wrong}


def _wrong_columns(report, old, new):
    kept = np.ones(report["rows"], bool)
    for first, last in report["lost"]:
        kept[first:last] = False
    rows = np.flatnonzero(kept)
    if len(new) != len(rows) or (len(old) != report["rows"] and not report["notes"]):
        return [f"{report['path']}: {len(new)} rows"]
    was, now = old.read(), new.read()
    wrong = [name for name in now if name not in was]
    for name in now.keys() & was.keys():
        values = plain(was[name])
        if plain(now[name]) != [values[row] for row in rows]:
            wrong.append(f"{report['path']}/{name}")
    return wrong
