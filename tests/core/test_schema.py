import numpy as np
import pytest

from raggedh5.core.schema import Column, as_column, check_names, storable
from raggedh5.errors import SchemaError


@pytest.mark.parametrize(
    "dtype", ["?", "i1", ">i4", "u8", "f2", "f4", ">f8", "c8", "c16", float, bool]
)
def test_dtypes_are_stored_in_native_order(dtype):
    assert storable(dtype) == np.dtype(dtype).newbyteorder("=")
    assert Column(dtype).dtype.isnative


@pytest.mark.parametrize(
    "dtype", ["O", "M8[s]", "m8", "V4", "g", "G", [("a", "i4")], "nonsense", 3]
)
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(SchemaError):
        storable(dtype)
    with pytest.raises(SchemaError):
        Column(dtype)


@pytest.mark.parametrize("dtype", [str, "str", "string", np.dtype("U5"), np.dtypes.StringDType()])
def test_strings(dtype):
    column = Column(dtype)
    assert column.is_string
    assert column.dtype == "str"


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "f4", "shape": (-1,)},
        {"dtype": "str", "shape": (3,)},
        {"dtype": "str", "finite": True},
        {"dtype": "f4", "dictionary": True},
        {"dtype": "str", "nested": True},
        {"dtype": "f4", "nested": True, "nullable": True},
        {"dtype": "str", "nullable": True, "dictionary": False},
    ],
    ids=repr,
)
def test_what_does_not_go_together(options):
    with pytest.raises(SchemaError):
        Column(**options)


def test_shorter_ways_to_say_it():
    assert as_column("f4") == Column("f4")
    assert as_column(("f4", (3,))) == Column("f4", (3,))
    assert as_column(np.dtype(("i2", (2, 2)))) == Column("i2", (2, 2))
    column = Column("f8", finite=True)
    assert as_column(column) is column
    for bad in (object(), ("f4", "x"), 5):
        with pytest.raises(SchemaError):
            as_column(bad)


def test_whether_there_is_a_dictionary_is_a_question_of_strings_alone():
    assert Column("str").with_dictionary(True).dictionary
    assert Column("str", nullable=True).with_dictionary(False).dictionary
    number = Column("f8", nullable=True)
    assert number.with_dictionary(True) == number


@pytest.mark.parametrize("name", ["", "a/b", "a\0", ".", "mask", 5, None])
def test_names_that_hdf5_has_no_room_for(name):
    with pytest.raises(SchemaError):
        check_names({name: Column("f4")})


def test_other_names():
    check_names(dict.fromkeys(["x", "µ", "a b", "a.b", "-", "x-data"]))


def test_names_of_masks():
    nested = Column("f4", nested=True)
    for columns in (
        {"x": nested, "x_mask": Column("?")},
        {"x_mask": Column("?"), "x": nested},
        {"x": nested, "x_mask": nested},
        {"x": Column("f4"), "x_mask": nested, "x_mask_mask": Column("?")},
    ):
        with pytest.raises(SchemaError, match="mistaken for the mask"):
            check_names(columns)
    check_names({"bond_angle": Column("f4"), "bond_angle_mask": Column("?")})
    check_names({"x": Column("f4", (3,)), "x_mask": Column("?", (3,))})
    check_names({"x": Column("str"), "x_mask": nested, "_mask": Column("?")})
