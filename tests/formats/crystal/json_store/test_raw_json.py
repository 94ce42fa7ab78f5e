"""Structures as JSON, one by one: the same calls, the same answers, in both layouts."""

import json
import signal
import subprocess
import sys
import textwrap

import anndata
import awkward as ak
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
from raggedh5.errors import ClosedError, FormatError, SchemaError, WriteError
from raggedh5.formats.crystal import (
    initialize_hdf5_file,
    list_refcodes,
    read_raw_json,
    read_structure,
    write_structure_group,
)
from raggedh5.formats.crystal.json_store import packed_layout

WATER = {"space_group": "P2_1/c", "atoms": [{"symbol": "O"}, {"symbol": "H"}], "name": "Eis Iβ"}


@pytest.fixture(params=[False, True], ids=["groups", "packed"])
def packed(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "structures.h5"


def initialized(path, packed):
    with initialize_hdf5_file(path, packed=packed):
        pass
    return path


def stored(path):
    with h5py.File(path) as h5:
        return {code: read_raw_json(h5, code) for code in list_refcodes(h5)}


@pytest.mark.parametrize("opened", [h5py.File, rh5.File])
def test_what_is_written_is_read(path, packed, opened):
    texts = {"ABACOF": json.dumps(WATER), "ABEBUF01": '{ "a" :\n 1e5}', "été": '["é"]'}
    with opened(initialized(path, packed), "r+") as h5:
        for code, text in texts.items():
            write_structure_group(h5, code, text)
            assert read_raw_json(h5, code) == text
        assert list_refcodes(h5) == sorted(texts)
    with opened(path, "r") as h5:
        assert read_structure(h5, "ABACOF") == WATER
        assert {code: read_raw_json(h5, code) for code in list_refcodes(h5)} == texts


def test_what_pipelines_do_with_groups_goes_on_working(path):
    with initialize_hdf5_file(path, "gzip", 64) as h5:
        assert isinstance(h5, h5py.File)
        write_structure_group(h5, "ABACOF", json.dumps(WATER, ensure_ascii=False))
        assert json.loads(h5["structures"]["ABACOF"]["raw_json"][()]) == WATER
    with h5py.File(path) as h5:
        dataset = h5["structures"]["ABACOF"]["raw_json"]
        assert dataset.shape == ()
        assert h5py.check_string_dtype(dataset.dtype) == ("utf-8", None)
        assert json.loads(dataset[()]) == WATER


def test_groups_that_others_wrote_are_read(path):
    with h5py.File(path, "w") as h5:
        h5["structures/A/raw_json"] = '{"a": 1}'
        h5["structures/B/raw_json"] = np.bytes_(b'{"b": 2}')
        h5["structures/C/raw_json"] = ['{"c": 3}']
        h5["structures/D/raw_json"] = 7
        h5["structures/E/other"] = 7
        assert [read_structure(h5, code) for code in "ABC"] == [{"a": 1}, {"b": 2}, {"c": 3}]
        with pytest.raises(FormatError, match="structures/D/raw_json holds int64"):
            read_structure(h5, "D")
        with pytest.raises(KeyError, match="'E'"):
            read_structure(h5, "E")


def test_odd_members_of_the_group_of_structures(path):
    with h5py.File(path, "w") as h5:
        h5["structures/DATASET"] = 7
        h5["structures/SOFT"] = h5py.SoftLink("/nowhere")
        h5["structures/EXTERNAL"] = h5py.ExternalLink("no.h5", "/x")
        h5["structures/EMPTY/raw_json"] = h5py.Empty("S10")
        for code in ("DATASET", "SOFT", "EXTERNAL"):
            with pytest.raises(KeyError, match=f"no structure '{code}'\"$"):
                read_raw_json(h5, code)
            with pytest.raises(WriteError, match=f"/structures/{code}/raw_json"):
                write_structure_group(h5, code, "1")
        with pytest.raises(FormatError, match="not text"):
            read_raw_json(h5, "EMPTY")
        write_structure_group(h5, "EMPTY", "1")
        assert read_raw_json(h5, "EMPTY") == "1"


def test_a_file_without_structures_gets_groups(path):
    with h5py.File(path, "w") as h5:
        write_structure_group(h5, "ABACOF", "{}")
        assert h5["structures/ABACOF/raw_json"][()] == b"{}"


def test_what_is_there_is_replaced(path, packed):
    for text in ("1", "2"):
        with initialize_hdf5_file(path, packed=packed) as h5:
            write_structure_group(h5, "A", "[]")
            write_structure_group(h5, "B", text)
            write_structure_group(h5, "A", text)
            assert read_raw_json(h5, "A") == text
    assert stored(path) == {"A": "2", "B": "2"}
    with rh5.File(path) as file:
        if packed:  # what was replaced is gone, for those who read the table itself, too
            assert sorted(file["structures"].read()["refcode"].tolist()) == ["A", "B"]
            assert "pending_structures" not in file


def test_objects_and_text_of_all_kinds(path, packed):
    given = {
        "dict": WATER,
        "list": [1, None, True],
        "numpy": {"coords": np.arange(6).reshape(2, 3), "z": np.float32(0.5), "n": np.int64(3)},
        "bytes": b'{"a": "\xc3\xa9"}',
        "str": np.str_('{"a": 1}'),
        "empty": {},
        "nan": {"a": float("nan"), "b": -np.inf},
        "surrogate": {"a": "\ud800"},
    }
    with initialize_hdf5_file(path, packed=packed) as h5:
        for code, value in given.items():
            write_structure_group(h5, code, value)
    with h5py.File(path) as h5:
        assert read_structure(h5, "dict") == WATER
        assert read_structure(h5, "list") == given["list"]
        expected = {"coords": [[0, 1, 2], [3, 4, 5]], "z": 0.5, "n": 3}
        assert read_structure(h5, "numpy") == expected
        assert read_structure(h5, "bytes") == {"a": "é"}
        assert read_structure(h5, "str") == {"a": 1}
        assert read_structure(h5, "empty") == {}
        assert str(read_structure(h5, "nan")) == "{'a': nan, 'b': -inf}"
        assert read_structure(h5, "surrogate") == {"a": "\ud800"}


def test_a_huge_structure_among_small_ones(path, packed):
    huge = {"atoms": [{"symbol": "C", "coords": [i / 7, 0.5, i]} for i in range(100_000)]}
    assert len(json.dumps(huge)) > 5_000_000
    with initialize_hdf5_file(path, packed=packed) as h5:
        for code, value in {"A": {}, "HUGE": huge, "Z": WATER}.items():
            write_structure_group(h5, code, value)
    with h5py.File(path) as h5:
        assert read_structure(h5, "HUGE") == huge
        assert read_structure(h5, "Z") == WATER


@pytest.mark.parametrize(
    "code", ["", " ", "a/b", "a\0b", ".", "..", "__raggedh5__", 7, None, b"\xff", "\ud800"]
)
def test_refcodes_that_cannot_be(path, packed, code):
    with initialize_hdf5_file(path, packed=packed) as h5:
        with pytest.raises(SchemaError):
            write_structure_group(h5, code, "{}")
        with pytest.raises(KeyError):
            read_structure(h5, code)
        assert list_refcodes(h5) == []


@pytest.mark.parametrize(
    "value", ["", "{", "{'a': 1}", '{"a": 1} x', b"\xff", '"\ud800"', '"\0"', {1j}, {"a": object()}]
)
def test_what_is_no_json_is_refused_and_the_old_stays(path, packed, value):
    with initialize_hdf5_file(path, packed=packed) as h5:
        write_structure_group(h5, "ABACOF", "[1]")
        with pytest.raises(SchemaError, match="ABACOF"):
            write_structure_group(h5, "ABACOF", value)
    assert stored(path) == {"ABACOF": "[1]"}


def test_an_unknown_refcode_names_those_like_it(path, packed):
    with initialize_hdf5_file(path, packed=packed) as h5:
        for code in ("ABACOF", "ABACOF01", "ZZZZZZ"):
            write_structure_group(h5, code, "{}")
        with pytest.raises(KeyError, match=r"'ABACOX'; the closest are 'ABACOF', 'ABACOF01'"):
            read_structure(h5, "ABACOX")
        with pytest.raises(KeyError, match=r"the closest are 'ZZZZZZ'"):
            read_structure(h5, "zzzzzz")
        with pytest.raises(KeyError, match=r"no structure 'QQ'\"$"):
            read_structure(h5, "QQ")


def test_a_flush_brings_everything(path, packed):
    with initialize_hdf5_file(path, packed=packed) as h5:
        write_structure_group(h5, "A", "1")
        h5.flush()
        code = f"import h5py, sys; sys.path[:] = {sys.path!r}; " + textwrap.dedent(
            f"""
            from raggedh5.formats.crystal import read_raw_json
            print(read_raw_json(h5py.File({str(path)!r}, locking=False), "A"))
            """
        )
        assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"


def test_durable_files_keep_what_was_flushed(path, packed):
    initialized(path, packed)
    with rh5.File(path, "r+", durable="process") as file:
        write_structure_group(file, "A", "1")
        file.flush()
        with rh5.File(path, live=True) as live:
            assert read_raw_json(live, "A") == "1"


def test_closed_files_and_files_for_reading(path, packed):
    initialized(path, packed)
    with h5py.File(path) as h5, pytest.raises(WriteError, match="reading"):
        write_structure_group(h5, "A", "1")
    for call in (lambda: read_raw_json(h5, "A"), lambda: write_structure_group(h5, "A", "1")):
        with pytest.raises(ClosedError):
            call()
    with pytest.raises(SchemaError, match="an open"):
        write_structure_group(str(path), "A", "1")


@pytest.mark.parametrize("opened", [h5py.File, rh5.File])
def test_nothing_is_written_to_a_file_that_was_closed(path, packed, opened):
    with opened(initialized(path, packed), "r+") as h5:
        write_structure_group(h5, "A", "1")
    for call in (lambda: write_structure_group(h5, "B", "1"), lambda: read_raw_json(h5, "A")):
        with pytest.raises((ClosedError, WriteError)):
            call()
    assert stored(path) == {"A": "1"}


def test_a_live_reader_sees_what_replaces_what_it_knows(path, packed):
    initialized(path, packed)
    with rh5.File(path, "r+", durable="process") as file:
        for code in "ABC":
            write_structure_group(file, code, "1")
    with rh5.File(path, "r+", durable="process") as file, rh5.File(path, live=True) as live:
        assert read_raw_json(live, "C") == "1"
        write_structure_group(file, "A", "2")
        file.close()
        live.refresh()
        assert [read_raw_json(live, code) for code in "ABC"] == ["2", "1", "1"]


def test_a_table_that_has_not_got_its_name_back(path):
    with initialize_hdf5_file(path, packed=True) as h5:
        write_structure_group(h5, "A", "1")
    with rh5.File(path, "r+") as file:
        file.move("structures", packed_layout.PENDING)
    initialized(path, False)
    assert stored(path) == {"A": "1"}


def test_files_that_hold_something_else(path):
    with h5py.File(path, "w") as h5:
        h5["structures"] = [1, 2]
    with pytest.raises(FormatError, match="no structures as JSON"):
        initialize_hdf5_file(path)
    with h5py.File(path, "r+") as h5, pytest.raises(FormatError, match="no structures as JSON"):
        write_structure_group(h5, "A", "1")


def test_the_layout_is_that_of_the_file(path, tmp_path):
    with initialize_hdf5_file(path, packed=True) as h5:
        write_structure_group(h5, "A", "1")
    with initialize_hdf5_file(path) as h5:
        write_structure_group(h5, "B", "2")
    assert stored(path) == {"A": "1", "B": "2"}
    groups = tmp_path / "groups.h5"
    initialized(groups, False)
    with initialize_hdf5_file(groups, packed=True) as h5:  # nothing was in it
        write_structure_group(h5, "A", "1")
        assert rh5.File(h5)["structures"].columns
    with initialize_hdf5_file(tmp_path / "more.h5") as h5:
        write_structure_group(h5, "A", "1")
    with pytest.raises(SchemaError, match="in groups"):
        initialize_hdf5_file(tmp_path / "more.h5", packed=True)


@pytest.mark.parametrize("options", [{"chunk_size": 0}, {"chunk_size": "x"}, {"compression": 7}])
def test_arguments_that_make_no_sense(path, options, packed):
    with pytest.raises(SchemaError):
        initialize_hdf5_file(path, packed=packed, **options)
    assert not path.exists()


@pytest.mark.parametrize("compression", ["gzip", None, "lzf", {"compression": "gzip"}, rh5.Zstd(3)])
def test_codecs_of_the_packed_layout(path, compression):
    with initialize_hdf5_file(path, compression, packed=True) as h5:
        for number in range(100):
            write_structure_group(h5, f"A{number}", WATER)
        write_structure_group(h5, "A7", "7")
    assert len(stored(path)) == 100
    with rh5.File(path) as file:
        made = file["structures"]["raw_json"].h5
        filters = made.parent["raw_json.bytes-data"].id.get_create_plist().get_nfilters()
        assert filters == (compression is not None)


def test_the_packed_layout_is_for_everybody(path):
    with initialize_hdf5_file(path, packed=True) as h5:
        for code in ("ABACOF", "été"):
            write_structure_group(h5, code, json.dumps(WATER, ensure_ascii=False))
    with h5py.File(path) as h5:
        group = h5["structures"]
        array = ak.from_buffers(
            group.attrs["form"], int(group.attrs["length"]), {k: v[:] for k, v in group.items()}
        )
        assert array["refcode"].to_list() == ["ABACOF", "été"]
        assert [json.loads(text) for text in array["raw_json"].to_list()] == [WATER, WATER]
        read = anndata.io.read_elem(group)
        assert read.to_list() == array.to_list()


def test_more_than_waits_at_once(path, monkeypatch):
    monkeypatch.setattr(packed_layout, "WAITING", 100)
    expected = {}
    with initialize_hdf5_file(path, packed=True) as h5:
        for number in range(300):
            code, text = f"R{number % 70}", json.dumps([number] * (number % 40))
            write_structure_group(h5, code, text)
            expected[code] = text
            if not number % 50:
                assert read_raw_json(h5, code) == text
        assert {code: read_raw_json(h5, code) for code in list_refcodes(h5)} == expected
    assert stored(path) == expected


def test_a_failed_append_keeps_what_waits(path, monkeypatch):
    with initialize_hdf5_file(path, packed=True) as h5:
        write_structure_group(h5, "A", "1")
        with monkeypatch.context() as patch:
            patch.setattr(rh5.Table, "append", lambda *_: (_ for _ in ()).throw(WriteError("full")))
            with pytest.raises(WriteError, match="full"):
                h5.flush()
        assert read_raw_json(h5, "A") == "1"
    assert stored(path) == {"A": "1"}


def test_others_that_append_to_the_table_are_noticed(path):
    with initialize_hdf5_file(path, packed=True) as h5:
        write_structure_group(h5, "A", "1")
        h5.flush()
        table = rh5.File(h5)["structures"]
        table.append({"refcode": ["B", "A"], "raw_json": ["2", "3"]})
        assert (read_raw_json(h5, "A"), read_raw_json(h5, "B")) == ("3", "2")
        write_structure_group(h5, "C", "4")
    assert stored(path) == {"A": "3", "B": "2", "C": "4"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill here")
def test_a_killed_writer_leaves_what_was_flushed(path, packed):
    code = textwrap.dedent(
        f"""
        import os, signal, sys
        sys.path[:] = {sys.path!r}
        import raggedh5 as rh5
        from raggedh5.formats.crystal import write_structure_group, initialize_hdf5_file
        initialize_hdf5_file({str(path)!r}, packed={packed}).close()
        with rh5.File({str(path)!r}, "r+", durable="process") as file:
            for number in range(50):
                write_structure_group(file, f"A{{number}}", str(number))
            file.flush()
            write_structure_group(file, "B", "1")
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    with rh5.File(path, "r+"):  # which recovers
        pass
    assert stored(path) == {f"A{number}": str(number) for number in range(50)}
    assert list(path.parent.iterdir()) == [path]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
codes = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
steps = st.lists(
    st.tuples(st.sampled_from(["write", "write", "read", "flush", "reopen"]), st.integers(0, 5))
)


@pytest.mark.parametrize("packed", [False, True], ids=["groups", "packed"])
@settings(max_examples=30)
@given(
    names=st.lists(
        codes.filter(lambda c: c.strip() and c not in (".", "..", "__raggedh5__")),
        min_size=6,
        max_size=6,
    ),
    values=st.lists(json_values.map(lambda value: [value]), min_size=1, max_size=20),
    steps=steps,
)
def test_any_writes_and_reads_are_those_of_a_dict(tmp_path_factory, packed, names, values, steps):
    path = tmp_path_factory.mktemp("dict") / "structures.h5"
    expected = {}
    h5 = initialize_hdf5_file(path, packed=packed)
    for turn, (step, which) in enumerate(steps):
        name = names[which]
        if step == "write":
            expected[name] = values[turn % len(values)]
            write_structure_group(h5, name, expected[name])
        elif step == "flush":
            h5.flush()
        elif step == "reopen":
            h5.close()
            h5 = initialize_hdf5_file(path)
        elif name in expected:
            assert read_structure(h5, name) == expected[name]
        else:
            with pytest.raises(KeyError):
                read_structure(h5, name)
        assert list_refcodes(h5) == sorted(expected)
    h5.close()
    with h5py.File(path) as h5:
        assert {code: read_structure(h5, code) for code in list_refcodes(h5)} == expected
