"""Metadata: what is given comes back, and plain h5py shows it."""

import enum
import json
import math
import struct
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
from raggedh5.care import get_metadata, set_metadata
from raggedh5.cli.main import cli


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.h5"
    rh5.write(path, {"atoms": {"symbol": [["O", "H"], ["N"]]}, "box": np.eye(3)})
    return path


def same(a: object, b: object) -> bool:
    """Whether two values are the same to the bit, and of the same types."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return a == b


texts = st.text(st.characters(exclude_categories=[]), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
)
keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@settings(max_examples=100)
@given(st.dictionaries(keys, values, max_size=4))
def test_whatever_is_given_comes_back(given: dict) -> None:
    with h5py.File("x.h5", "w", driver="core", backing_store=False) as file:
        set_metadata(file, given)
        found = get_metadata(file)
        for key, value in given.items():
            assert same(found[key], value), key


@pytest.mark.parametrize(
    "value",
    [
        "",
        "json:",
        "json:[1]",
        "a\0b",
        "\0",
        "\ud800",
        "long " * 100_000,
        ["x" * 70_000, {"y": "z" * 70_000}],
        2**63 - 1,
        -(2**63),
        2**63,
        2**64 - 1,
        10**1000,
        -0.0,
        5e-324,
        math.nan,
        math.inf,
        [math.nan, -math.inf, -0.0, 0.1, 1e300],
        [],
        {},
        [[], {}, [None]],
        {"": 0, "ü": {"nested": [1, 2.0, True]}},
        [1, 1.0, True],
    ],
    ids=lambda value: repr(value)[:20],
)
def test_odd_values(path: Path, value: object) -> None:
    set_metadata(path, {"key": value})
    assert same(get_metadata(path)["key"], value)


def test_what_is_written_by_itself(path: Path) -> None:
    assert get_metadata(path) == {}
    before = datetime.now(UTC).replace(microsecond=0)
    set_metadata(path, provenance="beamline 7")
    found = get_metadata(path)
    assert found.keys() == {"created", "library", "format_version", "provenance"}
    created = datetime.fromisoformat(found["created"])
    assert created.utcoffset().total_seconds() == 0
    assert before <= created <= datetime.now(UTC)
    assert found["library"] == f"raggedh5 {rh5.__version__}"
    assert found["format_version"] == 1
    set_metadata(path, provenance="beamline 8", more=[1])
    again = get_metadata(path)
    assert again == found | {"provenance": "beamline 8", "more": [1]}
    set_metadata(path, created="1999-12-31T00:00:00+00:00")
    assert get_metadata(path)["created"].startswith("1999")


def test_what_h5py_sees(path: Path) -> None:
    set_metadata(path, {"a b/c": "text ü"}, n=3, x=0.5, yes=True, none=None, rows=[1, 2], big=2**70)
    with h5py.File(path) as file:
        attrs = file["metadata"].attrs
        assert attrs["a b/c"] == "text ü"
        assert (attrs["n"], attrs["n"].dtype) == (3, np.int64)
        assert (attrs["x"], attrs["x"].dtype) == (0.5, np.float64)
        assert (attrs["yes"], attrs["yes"].dtype) == (True, np.bool_)
        assert attrs["none"] == "json:null"
        assert json.loads(attrs["rows"].removeprefix("json:")) == [1, 2]
        assert attrs["big"] == f"json:{2**70}"


class Phase(str, enum.Enum):  # noqa: UP042 - this is how many still have it
    SOLID = "solid"


class Level(enum.IntEnum):
    HIGH = 3


def test_what_is_nearly_a_json_type(path: Path) -> None:
    set_metadata(
        path,
        a=np.float32(0.5),
        b=np.int16(7),
        c=np.bool_(True),
        d=np.arange(3),
        e=(1, (2,)),
        f=Phase.SOLID,
        g=[Level.HIGH, np.str_("s")],
        h=np.array(2.5),
        i={"x": np.float64(np.nan)},
    )
    found = get_metadata(path)
    assert math.isnan(found.pop("i")["x"])
    kinds = {key: found[key] for key in "abcdefgh"}
    want = [0.5, 7, True, [0, 1, 2], [1, [2]], "solid", [3, "s"], 2.5]
    assert all(map(same, kinds.values(), want)), kinds


@pytest.mark.parametrize(
    "value",
    [
        1j,
        b"bytes",
        {1, 2},
        {1: 2},
        object(),
        [object()],
        datetime.now(UTC),
        np.array(["2020"], "M8[D]"),
        np.longdouble(1),
        10**5000,
        [10**5000],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_type_is_refused(path: Path, value: object) -> None:
    before = path.read_bytes()
    with pytest.raises(rh5.SchemaError, match="'key'"):
        set_metadata(path, fine=1, key=value)
    assert path.read_bytes() == before


def test_what_lies_too_deep_is_refused(path: Path) -> None:
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(rh5.SchemaError):
        set_metadata(path, key=deep)
    round_and_round: list = []
    round_and_round.append(round_and_round)
    with pytest.raises(rh5.SchemaError):
        set_metadata(path, key=round_and_round)


@pytest.mark.parametrize("key", ["", "a\0b", "x" * 1001, "\ud800", 3])
def test_keys_that_cannot_be(path: Path, key: object) -> None:
    with pytest.raises(rh5.SchemaError, match=r"key"):
        set_metadata(path, {key: 1})


def test_many_keys(path: Path) -> None:
    given = {f"key {i}": i for i in range(1000)}
    set_metadata(path, given)
    assert given.items() <= get_metadata(path).items()


def test_files_in_every_state_of_being_open(path: Path) -> None:
    with rh5.File(path, "r+") as file:
        file["atoms"].append({"symbol": [["C"]]})
        set_metadata(file, a=1)
        file["atoms"].append({"symbol": [["He"]]})
        assert get_metadata(file)["a"] == 1
    with h5py.File(path, "r+") as stock:
        set_metadata(stock, b=2)
        set_metadata(stock.require_group("run"), c=3)
        assert stock.id.valid
        assert get_metadata(stock["run"])["c"] == 3
    assert get_metadata(str(path)).items() >= {"a": 1, "b": 2}.items()
    with rh5.File(path) as file:
        assert len(file["atoms"]) == 4
        assert get_metadata(file)["b"] == 2
        with pytest.raises(rh5.WriteError, match="reading"):
            set_metadata(file, a=2)
    with pytest.raises(rh5.ClosedError):
        get_metadata(file)
    with pytest.raises(rh5.ClosedError):
        set_metadata(file, a=2)
    new = path.with_name("new.h5")
    with rh5.File(new, "w") as file:
        set_metadata(file, a=1)
        file.create_array("x", data=np.ones(3))
    assert get_metadata(new)["a"] == 1


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    for call in (get_metadata, lambda path: set_metadata(path, a=1)):
        with pytest.raises(FileNotFoundError):
            call(tmp_path / "x.h5")
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_its_place(path: Path) -> None:
    for make in (
        lambda file: file.create_dataset("metadata", data=3),
        lambda file: file.copy("atoms", "metadata"),
        lambda file: file.__setitem__("metadata", h5py.SoftLink("/gone")),
    ):
        with h5py.File(path, "r+") as file:
            make(file)
        with pytest.raises(rh5.SchemaError, match="something else"):
            set_metadata(path, a=1)
        assert get_metadata(path) == {}
        with h5py.File(path, "r+") as file:
            del file["metadata"]


def test_what_another_program_wrote(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        attrs = file.create_group("metadata").attrs
        attrs["array"] = np.arange(6).reshape(2, 3)
        attrs["ascii"] = np.bytes_(b"abc")
        attrs["words"] = ["a", "b"]
        attrs["complex"] = 1 + 2j
        attrs["empty"] = h5py.Empty("f4")
        attrs["ref"] = file["box"].ref
        attrs["u8"] = np.uint64(2**64 - 1)
        attrs["pair"] = np.array((1, 2.5), "i4,f8")
    found = get_metadata(path)
    json.dumps(found)
    assert found["array"] == [[0, 1, 2], [3, 4, 5]]
    assert (found["ascii"], found["words"], found["empty"]) == ("abc", ["a", "b"], None)
    assert (found["u8"], found["pair"]) == (2**64 - 1, [1, 2.5])
    with h5py.File(path, "r+") as file:
        file["metadata"].attrs["bad"] = "json:{"
    with pytest.raises(rh5.FormatError, match="'bad'"):
        get_metadata(path)


def test_nothing_else_notices(path: Path) -> None:
    before = rh5.read(path)
    set_metadata(path, a={"b": 1})
    after = rh5.read(path)
    assert after.keys() == before.keys()
    assert after["atoms"]["symbol"].to_list() == [["O", "H"], ["N"]]
    with rh5.File(path) as file:
        assert file.tables().keys() == {"atoms"}
        assert file.arrays().keys() == {"box"}
    assert CliRunner().invoke(cli, ["info", str(path)]).exit_code == 0
