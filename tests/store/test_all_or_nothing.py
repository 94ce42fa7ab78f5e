"""A batch that is refused leaves the table as it was, and says what is wrong and where."""

import re

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from kinds import plain
from raggedh5.errors import SchemaError

COLUMNS = {
    "coords": rh5.Column("f4", (3,), finite=True),
    "charge": rh5.Column("i1"),
    "label": rh5.Column("str", dictionary=False),
    "symbol": rh5.Column("str", dictionary=True),
    "mass": rh5.Column("f8", nullable=True),
}
MASK = np.array([[True, True, False], [False, False, False], [True, False, True]])


def good(rng):
    words = np.array([["a", "bb", "x"], ["x", "x", "x"], ["", "x", "µ"]])
    return {
        "coords": rng.normal(size=(3, 3, 3)).astype("f4"),
        "charge": rng.integers(-9, 9, (3, 3)),
        "label": words,
        "symbol": words,
        "mass": np.ma.MaskedArray(rng.normal(size=(3, 3)), np.eye(3, dtype=bool)),
    }


def changed(column, at, value, dtype=None):
    def change(batch):
        array = batch[column].astype(dtype or batch[column].dtype)
        array[at] = value
        return {**batch, column: array}, {"mask": MASK}

    return change


def without(column):
    return lambda batch: ({k: v for k, v in batch.items() if k != column}, {"mask": MASK})


def also(**columns):
    return lambda batch: ({**batch, **columns}, {"mask": MASK})


def keep(**keywords):
    return lambda batch: (batch, keywords)


BAD = {
    "mask of another shape": (keep(mask=MASK[:, :2]), "column 'coords'"),
    "mask with too few rows": (keep(mask=MASK[:2]), "column 'coords'"),
    "mask of another dtype": (keep(mask=MASK.astype("f4")), "mask"),
    "mask of one axis": (keep(mask=MASK[0]), "mask"),
    "mask and lengths": (keep(mask=MASK, lengths=[1, 1, 1]), "mask or lengths"),
    "negative length": (keep(lengths=[1, -1, 0]), "row 1"),
    "length beyond the width": (keep(lengths=[1, 0, 4]), "row 2"),
    "lengths of another count": (keep(lengths=[1, 0]), "column"),
    "float lengths": (keep(lengths=[1.0, 0, 1]), "lengths"),
    "too few rows in the first column": (
        lambda b: ({**b, "coords": b["coords"][:2]}, {"mask": MASK}),
        "column 'coords'",
    ),
    "too few rows in the last column": (
        lambda b: ({**b, "mass": b["mass"][:2]}, {"mask": MASK}),
        "column 'mass'",
    ),
    "another inner shape": (
        lambda b: ({**b, "coords": b["coords"][..., :2]}, {"mask": MASK}),
        "column 'coords'",
    ),
    "missing column": (without("label"), "'label' is missing"),
    "unknown column": (also(extra=np.zeros((3, 3))), "'extra' is unknown"),
    "NaN": (changed("coords", (2, 2, 1), np.nan), "column 'coords', row 2"),
    "infinity": (changed("coords", (0, 1, 0), -np.inf), "column 'coords', row 0"),
    "an integer that does not fit": (
        changed("charge", (2, 0), 128),
        "column 'charge', row 2: 128 does not fit",
    ),
    "a float among integers": (
        changed("charge", (0, 0), 1.5, "f8"),
        "column 'charge'",
    ),
    "text among numbers": (also(charge=np.array([["a"] * 3] * 3)), "column 'charge'"),
    "numbers among text": (also(label=np.zeros((3, 3))), "column 'label'"),
    "a number among text": (
        also(label=[["a", "b", ""], ["", "", ""], [1, "", 2]]),
        "'label', row 2",
    ),
    "None among text": (
        also(label=[["a", "b", ""], ["", "", ""], ["", "", None]]),
        "'label', row 2",
    ),
    "None in a dictionary": (
        also(symbol=[["a", "new", ""], ["", "", ""], ["", "", None]]),
        "'symbol', row 2",
    ),
    "bytes that are no UTF-8": (
        also(label=[["a", "b", ""], ["", "", ""], [b"\xff", "", "c"]]),
        "'label', row 2",
    ),
    "a lone surrogate": (
        also(symbol=[["new", "b", ""], ["", "", ""], ["\ud800", "", "c"]]),
        "'symbol', row 2",
    ),
    "rows of unequal lengths": (
        lambda b: (
            {k: rh5.Ragged.from_padded(v, MASK) if k != "mass" else v for k, v in b.items()}
            | {"mass": rh5.Ragged(np.zeros(4), [0, 1, 2, 4])},
            {},
        ),
        "column 'mass', row 0",
    ),
    "a single number": (also(charge=3), "column 'charge'"),
    "nothing": (lambda b: ({}, {"mask": MASK}), "at least one column"),
}


@pytest.mark.parametrize(("bad", "says"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("when", ["first", "later", "reopened", "adopted"])
def test_a_refused_batch_changes_nothing(path, rng, bad, says, when):
    batch = good(rng)
    owner = h5py.File(path, "w") if when == "adopted" else None
    file = rh5.File(owner) if owner else rh5.File(path, "w", chunk_bytes=100)
    table = file.create_table("deep/atoms", COLUMNS)
    before = 0
    if when != "first":
        table.append(batch, mask=MASK)
        before = 3
    if when == "reopened":
        file.close()
        file = rh5.File(path, "a", chunk_bytes=100)
        table = file["deep/atoms"]
        # What was declared is not in the file: dtypes are strict from here on.
        batch["charge"] = batch["charge"].astype("i1")
    wide = {**batch, "charge": batch["charge"].astype("i8")}
    data, keywords = bad(wide if "does not fit" in says else batch)
    with pytest.raises(rh5.SchemaError, match=re.escape("/deep/atoms: ")) as caught:
        table.append(data, **keywords)
    if when != "reopened" or "charge" not in says:
        assert says in str(caught.value)
    assert len(table) == before
    table.append(batch, mask=MASK)
    assert len(table) == before + 3
    file.close()
    if owner:
        owner.close()
    with rh5.File(path) as file:
        found = file["deep/atoms"].read()
    assert len(found["coords"]) == before + 3
    for name, values in batch.items():
        if name == "mass":
            want = [
                [None if values.mask[i, j] else values.data[i, j] for j in range(3) if MASK[i, j]]
                for i in range(3)
            ]
        else:
            want = [
                np.asarray(values)[i][MASK[i]]
                .astype(COLUMNS[name].dtype if values.dtype.kind == "f" else values.dtype)
                .tolist()
                for i in range(3)
            ]
        got = plain(found[name])
        assert got == want * (1 + before // 3), name
    with h5py.File(path) as file:
        counts = {n: len(d) for n, d in file["deep/atoms"].items()}
    items = 4 * (1 + before // 3)
    assert counts["coords-data"] == counts["charge-data"] == counts["symbol-index"] == items
    assert counts["mass-mask"] == counts["mass.values-data"] == items
    assert counts["label-offsets"] == items + 1
    assert counts["atoms-offsets"] == before + 4


@pytest.mark.parametrize(
    "codec", [rh5.Blosc(), rh5.Zstd(), "gzip", None, {"fletcher32": True}], ids=repr
)
@pytest.mark.parametrize("before", [0, 100])
def test_a_large_batch_that_fails_at_its_end(path, rng, codec, before):
    values = rng.normal(size=(2000, 700)).astype("f8")  # 11 MB: several parts
    words = [["a", "b"] * 2] * before
    with rh5.File(path, "w", codec=codec) as file:
        table = file.create_table(
            "t", {"x": rh5.Column("f8", finite=True), "s": rh5.Column("str", dictionary=True)}
        )
        if before:
            table.append({"x": values[:before, :4], "s": words})
            file.flush()
            table.append({"x": values[:before, :4], "s": words})
        bad = values.copy()
        bad[-1, -1] = np.nan
        new = np.full((2000, 700), "new", "U3")
        with pytest.raises(rh5.SchemaError, match="/t: column 'x', row 1999: nan"):
            table.append({"x": bad, "s": new})
        assert len(table) == 2 * before
        assert plain(table.read(["s"]).get("s", [])) == words * 2 if before else True
        file.flush()
        table.append({"x": values[:7, :4], "s": [["a", "b", "c", "d"]] * 7})
        with pytest.raises(rh5.SchemaError, match="row 1999"):
            table.append({"x": bad, "s": new})
    with rh5.File(path, verify="always") as file:
        table = file["t"]
        assert len(table) == 2 * before + 7
        want = np.concatenate([values[:before, :4]] * 2 + [values[:7, :4]])
        assert np.array_equal(table.read()["x"].values.reshape(-1, 4), want)
        assert plain(table[-1]["s"]) == ["a", "b", "c", "d"]
        assert "new" not in plain(table.read()["s"].values)


def test_a_large_block_of_an_array_that_fails(path, rng):
    block = rng.normal(size=(3000, 1000))
    with rh5.File(path, "w") as file:
        array = file.create_array("x", (0, 1000), "f4")
        array.append(block[:10])
        bad = block.copy()
        bad[2999, 0] = 1e300
        with pytest.raises(rh5.SchemaError, match="/x, row 2999"):
            array.append(bad)
        with pytest.raises(rh5.SchemaError, match="/x"):
            array.append(block[:, :999])
        assert array.shape == (10, 1000)
        array.append(block)
    with rh5.File(path) as file:
        want = np.concatenate([block[:10], block]).astype("f4")
        assert np.array_equal(file["x"][:], want)


@pytest.mark.parametrize("nested", ["flat", "padded"])
@pytest.mark.parametrize(("value", "dtype"), [(300, "i2"), (np.nan, "f4")])
def test_values_of_nested_columns_are_checked(path, nested, value, dtype):
    columns = {"x": rh5.Column("i1" if dtype == "i2" else "f4", nested=True, finite=dtype == "f4")}
    padded = np.ones((3, 2, 2), dtype)
    padded[2, 1, 0] = value
    mask = np.ones(padded.shape, bool)
    with rh5.File(path, "w") as file:
        table = file.create_table("t", columns)
        flat = nested == "flat"
        batch = {"x": rh5.Ragged.from_padded(padded, mask) if flat else padded}
        with pytest.raises(rh5.SchemaError, match="/t: column 'x', row 2"):
            table.append(batch, mask=None if flat else mask)
        assert len(table) == 0
        table.append({"x": padded[:2]}, mask=mask[:2])
        assert plain(table.read()["x"]) == [[[1, 1], [1, 1]]] * 2


def test_dtypes_stay_as_in_the_first_batch(path):
    with rh5.File(path, "w") as file:
        table = file.create_table("t")
        table.append({"x": np.ones((1, 1), "i4")})
        for other in ("i8", "f4", "u4", "?"):
            with pytest.raises(rh5.SchemaError, match="/t: column 'x', row 0: the batch has"):
                table.append({"x": np.ones((1, 1), other)})
        table.append({"x": np.ones((1, 1), ">i4")})
        assert len(table) == 2


def test_what_cannot_be_a_table_is_not_created(path):
    with rh5.File(path, "w") as file:
        for name, columns in {
            "a": {"x/y": "f4"},
            "b": {"": "f4"},
            "c": {"x": "M8[s]"},
            "d": {"x": object},
            "e": {"x": "f16"},
            "__raggedh5__/x": {"x": "f4"},
            "f": {"x": rh5.Column("f4", codec=3.5)},
        }.items():
            with pytest.raises(rh5.SchemaError):
                file.create_table(name, columns)
            assert name not in file
        file.create_table("twice")
        with pytest.raises(rh5.SchemaError, match="exists already"):
            file.create_table("twice")
        with pytest.raises(rh5.SchemaError, match=r"exists already|could not be created"):
            file.create_array("twice", data=[1])
        for data, dtype in (([300], "i1"), (["a"], None), ([None], None), (3, None)):
            with pytest.raises(rh5.SchemaError):
                file.create_array("x", data=data, dtype=dtype)
            assert "x" not in file


def test_columns_whose_buffers_would_have_one_name_are_refused(path):
    with rh5.File(path, "w") as file:
        table = file.create_table("t")
        with pytest.raises(rh5.SchemaError):
            table.append({"x": [["a"]], "x.bytes": np.ones((1, 1), "u1"), "x.categories": [["b"]]})
        table.append({"x": [["a"]]})
        assert len(table) == 1


@pytest.mark.parametrize("made", ["same session", "reopened"])
def test_a_name_can_be_used_again(path, made):
    file = rh5.File(path, "w")
    file.create_table("t").append({"x": np.arange(6.0).reshape(2, 3)})
    file.create_array("a", data=np.arange(10))
    file.flush()
    if made == "reopened":
        file.close()
        file = rh5.File(path, "a")
    del file.h5["t"], file.h5["a"]
    file.create_table("a").append({"y": [[1, 2], [3]]})
    file.create_array("t", data=[1.5])
    assert file["a"].read()["y"].to_list() == [[1, 2], [3]]
    file.close()
    found = rh5.read(path)
    assert found["a"]["y"].to_list() == [[1, 2], [3]]
    assert found["t"].tolist() == [1.5]


@pytest.mark.parametrize("bad", [[[1, 2]], 5, None, "text"])
def test_batches_that_are_no_dicts(path, bad):
    with rh5.File(path, "w") as file:
        table = file.create_table("t")
        with pytest.raises(SchemaError, match="dict of columns"):
            table.append(bad)


def test_masks_that_are_lists(path):
    with rh5.File(path, "w") as file:
        table = file.create_table("t", {"x": "i8"})
        with pytest.raises(SchemaError, match="no rectangular array"):
            table.append({"x": [[1, 2], [3, 4]]}, mask=[[True], [True, False]])
        table.append({"x": np.array([[1, 2], [3, 4]])}, mask=[[True, False], [True, True]])
        assert table.read()["x"].to_list() == [[1], [3, 4]]
        nested = file.create_table("n")
        nested.append({"x": np.array([[[1, 2]]])}, mask=[[[True, False]]])
        assert nested.read()["x"].to_list() == [[[1]]]


@pytest.mark.parametrize("columns", [["a", "b"], 5, "ab"])
def test_columns_that_are_no_dict(path, columns):
    with rh5.File(path, "w") as file, pytest.raises(SchemaError, match="dict of dtypes"):
        file.create_table("t", columns)


def test_lists_in_a_row_table(path):
    with rh5.File(path, "w") as file:
        table = file.create_table("t", {"s": "str"}, ragged=False)
        for bad in ([["a", "b"], ["c"]], [np.array(["a", "b"]), np.array(["c"])]):
            with pytest.raises(SchemaError, match="one a row"):
                table.append({"s": bad})


@pytest.mark.parametrize(
    "codec", [{"foo": 1}, {"compression": "gzip", "compression_opts": 99}], ids=["word", "level"]
)
@pytest.mark.parametrize("columns", [None, {"x": "i8"}])
def test_codecs_that_h5py_refuses(path, codec, columns):
    with rh5.File(path, "w") as file:
        table = file.create_table("t", columns, codec=codec)
        with pytest.raises(SchemaError):
            table.append({"x": [[1]]})
        with pytest.raises(SchemaError):
            file.create_array("a", data=[1], codec=codec)
        assert list(file) == ["t"]
        del file.h5["t"]
        file.create_table("t", columns).append({"x": [[1]]})
    assert rh5.read(path)["t"]["x"].to_list() == [[1]]


def test_no_codec_of_that_name(path):
    with rh5.File(path, "w") as file, pytest.raises(SchemaError, match="no codec is called 'zzz'"):
        file.create_table("t", codec="zzz")
    with pytest.raises(SchemaError, match="LZ4 block"):
        rh5.LZ4(blocksize=-1)


class Holder:
    """Gives an array, and nothing else."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


def test_large_batches_take_what_small_ones_do(path, monkeypatch):
    monkeypatch.setattr("raggedh5.store.writer.PART", 64)
    wide = np.arange(60).reshape(10, 6)
    ragged = rh5.Ragged(np.arange(20), np.arange(0, 22, 2))
    with rh5.File(path, "w") as file:
        table = file.create_table("t", {"a": "i8", "b": "i8", "c": "i8"})
        table.append({"a": ragged, "b": Holder(wide), "c": np.arange(80).reshape(10, 8)})
        found = table.read()
        assert found["a"].to_list() == ragged.to_list()
        assert found["b"].to_list() == wide[:, :2].tolist()
        nested = file.create_table("n", {"x": rh5.Column("i8", nested=True), "y": "i8"})
        masks = np.zeros((10, 3, 4), bool)
        masks[:, 0, :2] = True
        values = np.arange(120).reshape(10, 3, 4)
        nested.append(
            {"x": values, "y": np.arange(30).reshape(10, 3)},
            lengths=np.full(10, 2),
            item_masks={"x": masks},
        )
        lists = [[row[0][:2].tolist(), []] for row in values]
        assert nested.read()["x"].to_list() == lists


def test_rows_are_counted_from_the_first_whatever_a_column_is_called(path, monkeypatch):
    monkeypatch.setattr("raggedh5.store.writer.PART", 64)
    values = np.zeros((100, 3))
    values[57, 1] = np.nan
    with rh5.File(path, "w") as file:
        table = file.create_table("t", {"row 3": rh5.Column("f8", finite=True)})
        with pytest.raises(SchemaError, match=r"column 'row 3', row 57: nan is not finite"):
            table.append({"row 3": values})
        with pytest.raises(SchemaError, match=r"^row 0: 300 does not fit int8"):
            rh5.Ragged.from_padded([[300]], lengths=[1], dtype="i1")


@pytest.mark.parametrize("begun", [False, True])
def test_a_table_that_is_there_converts_when_it_is_told_to(path, begun):
    columns = {
        "x": "i4",
        "charges": rh5.Column("f4", nested=True),
        "mass": rh5.Column("f4", nullable=True),
    }

    def batch(integer, floating, x):
        lists = rh5.Ragged(np.arange(3, dtype=floating), [0, 1, 3])
        masses = np.ma.MaskedArray(np.ones(2, floating), [True, False])
        return {
            "x": rh5.Ragged(np.array([x, 1], integer), [0, 2]),
            "charges": rh5.Ragged(lists, [0, 2]),
            "mass": rh5.Ragged(masses, [0, 2]),
        }

    with rh5.File(path, "w") as file:
        file.create_table("t", columns).append(batch("i8", "f8", 0))
    with rh5.File(path, "a") as file:
        table = file["t"]
        if begun:
            with pytest.raises(SchemaError, match="the batch has int64"):
                table.append(batch("i8", "f8", 5))
        table.convert()
        table.append(batch("i8", "f8", 7))
        table.append(batch("u4", "f2", 2**31 - 1))
        with pytest.raises(SchemaError, match="row 0: 2147483648 does not fit int32"):
            table.append(batch("i8", "f4", 2**31))
        with pytest.raises(SchemaError, match="float64 values cannot be stored as int32"):
            table.append(batch("f8", "f8", 1))
    with rh5.File(path) as file:
        table = file["t"]
        assert [int(x[0]) for x in table["x"][:]] == [0, 7, 2**31 - 1]
        assert table["charges"][2].to_list() == [[0], [1, 2]]
        assert table["mass"][1].tolist() == [None, 1]
        assert {name: column.dtype for name, column in table.columns.items()} == {
            "x": np.dtype("i4"),
            "charges": np.dtype("f4"),
            "mass": np.dtype("f4"),
        }
        with pytest.raises(rh5.WriteError):
            table.convert()
