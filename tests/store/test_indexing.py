"""Reading: what stands in brackets means what it means to NumPy, or to h5py where they differ."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
from kinds import plain, ragged_kinds, row_kinds
from raggedh5.errors import SchemaError

SHAPES = {
    (37,): (5,),
    (23, 7): (4, 3),
    (11, 6, 9): (3, 2, 9),
    (7, 5, 4, 3): (2, 5, 3, 2),
    (1, 1): (8, 1),
}


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    path = tmp_path_factory.mktemp("arrays") / "file.h5"
    rng = np.random.default_rng(1)
    values = {}
    with rh5.File(path, "w") as file:
        for codec in (rh5.Blosc(blocksize=128), None, "gzip", rh5.Zstd()):
            for shape, chunks in SHAPES.items():
                name = f"{type(codec).__name__}-{len(values)}"
                values[name] = rng.integers(0, 999, shape, "u2")
                array = file.create_array(name, (0, *shape[1:]), "u2", codec=codec, chunks=chunks)
                array.append(values[name])
    with rh5.File(path) as file:
        yield file, values


@st.composite
def axis(draw, n):
    kind = draw(st.sampled_from(["int", "slice", "slice", "slice"]))
    if kind == "int":
        return draw(st.integers(-n, n - 1))
    bound = st.none() | st.integers(-n - 2, n + 2)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, n + 1)))


@st.composite
def selections(draw, shape):
    count = draw(st.integers(0, len(shape)))
    front = draw(st.integers(0, count))
    parts = [draw(axis(n)) for n in shape[:front]]
    if count < len(shape) or draw(st.booleans()):
        parts.append(Ellipsis)
    back = count - front
    parts += [draw(axis(n)) for n in shape[len(shape) - back :]]
    return parts[0] if len(parts) == 1 and draw(st.booleans()) else tuple(parts)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_slices_and_numbers(arrays, data):
    file, values = arrays
    name = data.draw(st.sampled_from(sorted(values)))
    want = values[name]
    selection = data.draw(selections(want.shape))
    found = file[name][selection]
    assert np.array_equal(found, want[selection])
    assert np.shape(found) == np.shape(want[selection])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_lists_and_masks(arrays, data):
    file, values = arrays
    name = data.draw(st.sampled_from(sorted(values)))
    want = values[name]
    n = len(want)
    rows = data.draw(st.lists(st.integers(-n, n - 1), max_size=12))
    for chosen in (rows, np.array(rows, "i4"), np.array(rows, "i8")):
        assert np.array_equal(file[name][chosen], want[np.array(rows, int)])
    mask = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    assert np.array_equal(file[name][mask], want[mask])
    if want.ndim > 1:
        last = data.draw(st.lists(st.integers(0, want.shape[-1] - 1), min_size=1, max_size=4))
        assert np.array_equal(file[name][..., last], want[..., last])
        assert np.array_equal(file[name][1:2, ..., last], want[1:2, ..., last])


@pytest.mark.parametrize(
    "bad", [99, -99, (0, 99), [99], [-99], "x", 1.5, [1.5], [[1, 2]], (..., ...), (0, 0, 0), [True]]
)
def test_selections_that_lead_nowhere(arrays, bad):
    file, values = arrays
    name = next(n for n, v in values.items() if v.ndim == 2 and len(v) == 23)
    with pytest.raises((IndexError, TypeError)):
        file[name][bad]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "file.h5"
    rng = np.random.default_rng(1)
    columns, data = ragged_kinds(rng, rng.integers(0, 7, 53))
    row_columns, rows = row_kinds(rng, 53)
    with rh5.File(path, "w", chunk_bytes=300) as file:
        file.create_table("ragged", columns).append(data)
        file.create_table("rows", row_columns, ragged=False).append(rows)
    with rh5.File(path) as file:
        yield (
            file,
            {name: plain(v) for name, v in data.items()},
            {name: plain(v) for name, v in rows.items()},
        )


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_rows_of_tables(tables, data):
    file, ragged, rows = tables
    chosen = data.draw(
        st.one_of(
            st.lists(st.integers(-53, 52), max_size=20),
            axis(53).filter(lambda part: isinstance(part, slice)),
            st.lists(st.booleans(), min_size=53, max_size=53),
        )
    )
    numbers = np.arange(53)[chosen if chosen != [] else slice(0, 0)]
    for name, want in (("ragged", ragged), ("rows", rows)):
        found = file[name].take(chosen)
        assert list(found) == list(want)
        for column, values in want.items():
            assert plain(found[column]) == [values[i] for i in numbers], column
        some = file[name][list(want)[3]][chosen]
        assert plain(some) == plain(found[list(want)[3]])
    row = data.draw(st.integers(-53, 52))
    whole = file["ragged"][row]
    for column, values in ragged.items():
        assert plain(whole[column]) == values[row], column
        assert plain(file["ragged"][column][row]) == values[row], column
    one = file["rows"][row]
    for column, values in rows.items():
        value = one[column]
        assert (None if value is np.ma.masked else plain(value)) == values[row], column


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.integers(0, 52), max_size=12), extra=st.none() | st.integers(0, 3))
def test_padded_rows(tables, rows, extra):
    file, want, _ = tables
    longest = max((len(want["int8"][i]) for i in rows), default=0)
    width = None if extra is None else longest + extra
    columns = ["coords", "int8", "symbol", "label", "measured", "bonds", "tag"]
    found = file["ragged"].padded(rows, columns, width, fill={"int8": 7})
    mask = found["mask"]
    assert mask.shape == (len(rows), longest if width is None else width)
    for k, i in enumerate(rows):
        count = len(want["int8"][i])
        assert mask[k].tolist() == [j < count for j in range(mask.shape[1])]
        for column in columns[:-2]:
            assert plain(found[column][k][:count]) == want[column][i], column
        assert (found["int8"][k][count:] == 7).all()
        assert (found["coords"][k][count:] == 0).all()
        for j, items in enumerate(want["bonds"][i]):
            assert found["bonds"][k, j, : len(items)].tolist() == items
    if longest:
        with pytest.raises(rh5.SchemaError, match="ragged"):
            file["ragged"].padded(rows, ["int8"], longest - 1)


@pytest.mark.parametrize("size", [1, 7, 53, 100])
@pytest.mark.parametrize("drop", [False, True])
def test_batches_hold_every_row_once(tables, size, drop):
    file, want, rows = tables
    plainly = list(file["ragged"].batches(size, columns=["int16"], drop_last=drop))
    count = 53 // size if drop else -(-53 // size)
    assert len(plainly) == count
    lists = [
        values[mask].tolist()
        for batch in plainly
        for values, mask in zip(batch["int16"], batch["mask"], strict=True)
    ]
    assert lists == want["int16"][: len(lists)]
    shuffled = [
        [b["int64"].tolist() for b in file["rows"].batches(size, shuffle=True, seed=seed)]
        for seed in (4, 4, 5)
    ]
    assert shuffled[0] == shuffled[1]
    assert size >= 53 or shuffled[0] != shuffled[2]
    assert sorted(sum(shuffled[0], [])) == sorted(rows["int64"])  # noqa: RUF017


def test_columns_that_are_not_there(tables):
    file, _, _ = tables
    for use in (
        lambda: file["ragged"]["nothing"],
        lambda: file["ragged"].take([1], ["nothing"]),
        lambda: file["ragged"].padded([1], ["nothing"]),
        lambda: file["nothing"],
    ):
        with pytest.raises(KeyError, match="nothing"):
            use()
    for bad in (53, -54, [53], [0.5]):
        with pytest.raises((IndexError, TypeError)):
            file["ragged"][bad]
    with pytest.raises(rh5.SchemaError):
        list(file["ragged"].batches(0))


def test_dense_arrays_grow_and_convert(path, rng):
    with rh5.File(path, "w", chunk_bytes=500) as file:
        for shape in ((0,), (0, 3), (0, 3, 50), (0, 2, 3, 4), (0, 0), (0, 300)):
            name = "x".join(map(str, shape))
            array = file.create_array(name, shape, "f4")
            want = np.zeros(shape, "f4")
            for rows in (0, 1, 5, 1, 30):
                block = rng.integers(0, 99, (rows, *shape[1:]))
                array.append(block)
                want = np.concatenate([want, block.astype("f4")])
                assert array.shape == want.shape
            one = rng.normal(size=shape[1:])
            if shape != (0,):
                array.append(one)  # a single row
                want = np.concatenate([want, one[None].astype("f4")])
            assert np.array_equal(array[:], want)
            assert np.array_equal(np.asarray(array), want)
        zeros = file.create_array("zeros", (4, 3), "i2")
        assert zeros[:].tolist() == [[0, 0, 0]] * 4
        swapped = file.create_array("swapped", data=np.arange(5, dtype=">i4"), attrs={"unit": "m"})
        assert swapped[:].tolist() == [0, 1, 2, 3, 4]
        assert swapped.attrs["unit"] == "m"
        for bad in (np.array([1.5]), np.array([2**40]), np.array(["a"]), np.zeros((2, 2)), None):
            with pytest.raises(rh5.SchemaError, match="/swapped"):
                swapped.append(bad)
        assert len(swapped) == 5
    found = rh5.read(path)
    assert found["0x0"].shape == (38, 0)
    assert found["0"].shape == (37,)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_writing_to_any_part_of_a_dataset(data):
    import h5py

    shape, chunks = data.draw(
        st.sampled_from([((20,), (6,)), ((13, 9), (4, 5)), ((5, 4, 6), (2, 4, 3))])
    )
    codec = data.draw(st.sampled_from([rh5.Blosc(), rh5.LZ4(), None]))
    options = rh5.Blosc().keywords() if codec else {"compression": "gzip"}
    want = np.zeros(shape, "i4")
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        dataset = file.create_dataset("x", shape, "i4", chunks=chunks, **options)
        for step in range(data.draw(st.integers(1, 6))):
            if data.draw(st.booleans()):
                selection = data.draw(selections(shape))
            else:
                rows = st.lists(st.integers(0, shape[0] - 1), min_size=1, unique=True)
                selection = sorted(data.draw(rows))
            block = np.random.default_rng(step).integers(0, 999, want[selection].shape, "i4")
            if want[selection].size == 0 and not isinstance(selection, list):
                continue
            want[selection] = block
            rh5.write_dataset(dataset, block, selection, threads=1)
            assert np.array_equal(dataset[:], want)
            assert np.array_equal(rh5.read_dataset(dataset, verify="always", threads=1), want)


def test_writing_what_does_not_fit(path):
    import h5py

    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("x", (10, 4), "i1", chunks=(4, 4), **rh5.Blosc().keywords())
        rh5.write_dataset(dataset, 5)
        for data, selection in (
            (np.zeros((9, 4)), ()),
            (300, ()),
            (1.5, 3),
            (np.zeros(3, "i1"), 2),
            ("a", ()),
        ):
            with pytest.raises(rh5.SchemaError, match="/x"):
                rh5.write_dataset(dataset, data, selection)
        assert (rh5.read_dataset(dataset) == 5).all()
    with h5py.File(path) as file, pytest.raises(rh5.WriteError):
        rh5.write_dataset(file["x"], 1)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_list_among_numbers_and_slices_is_what_h5py_returns(arrays, data):
    """NumPy would move the axis of the list to the front."""
    file, values = arrays
    name = data.draw(st.sampled_from([n for n, v in values.items() if v.ndim > 1]))
    dataset = file[name].h5
    parts = [data.draw(axis(n)) for n in dataset.shape]
    where = data.draw(st.integers(0, dataset.ndim - 1))
    n = dataset.shape[where]
    chosen = sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=1)))
    mask = np.isin(np.arange(n), chosen)
    others = (*parts[:where], slice(None), *parts[where + 1 :])
    for parts[where] in (chosen, np.array(chosen), mask):
        try:
            want = dataset[tuple(parts)]
        except ValueError as error:  # of h5py, where many rows meet an empty slice
            assert "hyperslab" in str(error)  # noqa: PT017 - not what is tested
            want = np.take(values[name], chosen, axis=where)[others]
            assert want.size == 0
        for found in (file[name][tuple(parts)], rh5.read_dataset(dataset, tuple(parts))):
            assert np.shape(found) == np.shape(want)
            assert np.array_equal(found, want)


def test_masks_of_all_axes_are_what_h5py_returns(arrays):
    file, values = arrays
    for name, want in values.items():
        for mask in (want > 500, want > 9999, want >= 0):
            assert np.array_equal(file[name][mask], want[mask]), name


def test_fields_of_structures(path):
    dtype = np.dtype([("r", "f4"), ("i", "i2", (2,))])
    with h5py.File(path, "w") as file:
        values = np.zeros(10, dtype)
        values["r"], values["i"] = np.arange(10), np.arange(20).reshape(10, 2)
        dataset = file.create_dataset("x", data=values, chunks=(4,))
        array = rh5.File(file)["x"]
        assert np.array_equal(array["r"], dataset["r"])
        assert np.array_equal(array["i", 2:5], dataset["i", 2:5])
        assert np.array_equal(array["r", "i"], dataset["r", "i"])


def test_lists_on_two_axes_are_refused(arrays):
    file, values = arrays
    name = next(n for n, v in values.items() if v.ndim == 2)
    with pytest.raises(TypeError, match="one axis"):
        file[name][[0], [0]]


@pytest.mark.parametrize("wrong", [2**63, 2**64 - 1])
def test_unsigned_numbers_do_not_wrap_around(tables, arrays, wrong):
    rows = np.array([wrong], "u8")
    with pytest.raises(IndexError, match="out of range"):
        tables[0]["ragged"].take(rows)
    with pytest.raises(IndexError, match="out of range"):
        next(iter(arrays[0].arrays().values()))[rows]
    with pytest.raises(IndexError, match="out of range"):
        rh5.Ragged([1, 2], [0, 1, 2])[rows]


@pytest.mark.parametrize("index", [np.array(3), np.int8(3), np.uint64(3)])
def test_single_numbers_of_any_kind(tables, arrays, index):
    table = tables[0]["ragged"]
    for name, values in table[3].items():
        assert plain(table[index][name]) == plain(values)
        assert plain(table[name][index]) == plain(values)
    for values in table.take(slice(0, 5)).values():
        assert plain(values[index]) == plain(values[3])
    for name, want in arrays[1].items():
        if len(want) > 3:
            assert np.array_equal(arrays[0][name][index], want[3])


def test_a_bool_is_no_row_number(tables):
    with pytest.raises(IndexError, match="row number"):
        tables[0]["ragged"][True]
    with pytest.raises(IndexError, match="row number"):
        tables[0]["rows"][next(iter(tables[0]["rows"].columns))][True]
    with pytest.raises(IndexError, match="row number"):
        rh5.Ragged([1, 2], [0, 1, 2])[True]


@pytest.mark.parametrize("fill", [np.nan, 0.5, -1, 300, 1j, np.inf])
def test_a_fill_that_does_not_fit_is_refused(path, fill):
    with rh5.File(path, "w") as file:
        table = file.create_table("t", {"charge": "u1", "mass": "f4"})
        table.append({"charge": [[1, 2], [3]], "mass": [[1.0, 2.0], [3.0]]})
        with pytest.raises(SchemaError, match="column 'charge': a fill of"):
            table.padded([0, 1], fill=fill)
        with pytest.raises(SchemaError, match="a fill of"):
            table.read()["charge"].to_padded(fill=fill)
        if isinstance(fill, complex):
            return
        found = table.padded([0, 1], fill={"mass": fill})
        assert found["charge"].tolist() == [[1, 2], [3, 0]]
        assert np.array_equal(found["mass"][1, 1], np.float32(fill), equal_nan=True)


def test_inner_shapes_without_any_value(path):
    with rh5.File(path, "w") as file:
        file.create_table("t").append({"x": np.zeros((3, 2, 0)), "n": np.ones((3, 2))})
        file.create_table("r", ragged=False).append({"x": np.zeros((3, 0))})
        file.create_array("a", data=np.zeros((4, 0, 3)))
    with rh5.File(path) as file:
        assert file["t"].take([2, 0])["x"].values.shape == (4, 0)
        assert file["t"].padded([1])["x"].shape == (1, 2, 0)
        assert file["r"].take([2, 0])["x"].shape == (2, 0)
        assert file["a"][[0, 2]].shape == (2, 0, 3)


@pytest.mark.parametrize("nullable", [False, True])
def test_padded_text_is_filled(path, nullable):
    with rh5.File(path, "w") as file:
        columns = {"name": rh5.Column("str", nullable=nullable)}
        table = file.create_table("t", columns)
        table.append(
            {"name": [["a", None if nullable else "b"], [], ["longer than fits in place"]]}
        )
        rows = [2, 1, 0]
        for fill, shown in (("", ""), ("?", "?"), (0, ""), ({"name": "-"}, "-"), ({}, "")):
            found = table.padded(rows, fill=fill)
            assert found["name"].tolist() == [
                ["longer than fits in place", shown],
                [shown, shown],
                ["a", None if nullable else "b"],
            ]
