"""Files with everything that a file can hold, and whether two files hold the same."""

import h5py
import numpy as np

import raggedh5 as rh5
from kinds import plain, ragged_kinds, row_kinds


def write_everything(path, rows=300, seed=7, chunk_bytes=1000, **options):
    """Write tables with columns of every kind, and arrays, in many small chunks."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 9, rows)
    with rh5.File(path, "w", chunk_bytes=chunk_bytes, **options) as file:
        for name, (columns, data), ragged in (
            ("atoms", ragged_kinds(rng, lengths), True),
            ("run/cells", row_kinds(rng, rows), False),
            ("empty", ragged_kinds(rng, []), True),
        ):
            file.create_table(name, columns, ragged=ragged).append(data)
        file.create_table("nothing")
        frames = file.create_array(
            "run/frames", shape=(0, 4, 5), dtype="i4", chunks=(7, 4, 3), attrs={"units": "counts"}
        )
        frames.append(rng.integers(0, 99, (rows, 4, 5)))
        file.create_array("line", data=rng.normal(size=rows))
    return path


def add_plain_objects(path):
    """Add to a file what only h5py makes: links, references, scales, text, named types."""
    with h5py.File(path, "a") as file:
        file.attrs["who"] = "somebody"
        file.attrs["nothing"] = h5py.Empty("f4")
        file["run"].attrs["tags"] = np.array(["a", "bc"], h5py.string_dtype())
        file["big/endian"] = np.arange(40, dtype=">i4").reshape(8, 5)
        file.create_dataset("texts", data=["a", "µ", ""], maxshape=(None,), chunks=(2,))
        file.create_dataset("lists", shape=(2,), dtype=h5py.vlen_dtype("i2"))[0] = [1, 2]
        file.create_dataset(
            "sparse", shape=(50,), chunks=(10,), fillvalue=-1, dtype="i2", maxshape=(None,)
        )[20:25] = 7
        file["scalar"] = 3.5
        file["null"] = h5py.Empty("i8")
        file["named"] = np.dtype("f4")
        file["group/in/group"] = 1
        file["hard"] = file["big/endian"]
        file["soft"] = h5py.SoftLink("/run/frames")
        file["nowhere"] = h5py.SoftLink("/not/there")
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/x")
        file["time"] = np.arange(len(file["line"]))
        file["time"].make_scale("time")
        file["line"].dims[0].attach_scale(file["time"])
        file["refs"] = np.array([file["run"].ref, file["time"].ref], h5py.ref_dtype)
    return path


def contents(path, **options):
    """Return everything that raggedh5 reads of a file, as lists."""
    found = {}
    with rh5.File(path, verify="always", **options) as file:
        tables, arrays = file.contents()
        for name, table in tables.items():
            found[name] = {column: plain(values) for column, values in table.read().items()}
        for name, array in arrays.items():
            if array.dtype.kind != "O" and array.shape is not None:
                found[name] = plain(array.read())
    return found


def by_h5py(path):
    """Return shape, dtype, attributes and values of every dataset, as h5py sees them."""
    found = {}

    def note(name, item):
        attributes = {
            key: value.tolist() if hasattr(value, "tolist") else value
            for key, value in item.attrs.items()
            if key not in ("DIMENSION_LIST", "REFERENCE_LIST")
        }
        if isinstance(item, h5py.Dataset):
            values = None
            if item.shape is not None and item.dtype != h5py.ref_dtype:
                values = plain(item[()])
            found[name] = item.shape, str(item.dtype), item.maxshape, attributes, values
        else:
            found[name] = attributes

    with h5py.File(path) as file:
        for name in file:
            if name != "__raggedh5__" and file.get(name) is not None:
                note(name, file[name])
                if isinstance(file[name], h5py.Group):
                    file[name].visititems(lambda rest, item, at=name: note(f"{at}/{rest}", item))
        found["/"] = {key: str(value) for key, value in file.attrs.items()}
    return repr(found)


def chunk_bytes(dataset):
    """Return the stored bytes and filter masks of the chunks of an h5py dataset, by place."""
    found = []
    dataset.id.chunk_iter(found.append)
    return {chunk.chunk_offset: dataset.id.read_direct_chunk(chunk.chunk_offset) for chunk in found}


def sums_known(path):
    """Return for each dataset with checksums how many of its chunks have one, and all chunks."""
    known = {}
    with h5py.File(path) as file:

        def note(name, item):
            if isinstance(item, h5py.Dataset):
                assert item.attrs["address"] == h5py.h5o.get_info(file[name].id).addr
                known[name] = np.count_nonzero(item[()]), file[name].id.get_num_chunks()

        file["__raggedh5__/checksums"].visititems(note)
    return known


def flip_byte(path, name, chunk=0, at=5):
    """Damage one stored byte of a chunk of a dataset."""
    with h5py.File(path) as file:
        place = file[name].id.get_chunk_info(chunk).byte_offset + at
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)
