import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping

import h5py
import pytest

from raggedh5.care import get_metadata
from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.crystal import (
    create_and_populate,
    list_refcodes,
    read_structure,
)
from raggedh5.formats.crystal.json_store import populating


@pytest.fixture(params=[False, True], ids=["groups", "packed"])
def packed(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "structures.h5"


def stored(path):
    with h5py.File(path) as h5:
        return {code: read_structure(h5, code) for code in list_refcodes(h5)}


GOOD = {"A": {"n": 1}, "B": {"n": 2}, "été": {"n": "é"}}


@pytest.mark.parametrize(
    "given",
    [
        GOOD,
        list(GOOD.items()),
        ((code, json.dumps(value)) for code, value in GOOD.items()),
        {code: (lambda value=value: value) for code, value in GOOD.items()},
    ],
    ids=["mapping", "pairs", "generator of texts", "functions"],
)
def test_every_source(path, tmp_path, given, packed):
    if hasattr(given, "__next__"):  # is used up by the first of the layouts
        given = [(code, json.dumps(value)) for code, value in GOOD.items()]
        given = iter(given)
    seen = []
    report = create_and_populate(
        given,
        path,
        {"source": "CSD", "years": [1, 2]},
        packed=packed,
        progress=lambda *n: seen.append(n),
    )
    assert stored(path) == GOOD
    assert get_metadata(path)["source"] == "CSD"
    assert get_metadata(path)["years"] == [1, 2]
    assert (report.given, report.written, report.failed, report.replaced) == (3, 3, (), ())
    assert report.as_dict()["packed"] is packed
    assert seen[-1] == (3, 3)
    assert list(tmp_path.iterdir()) == [path]


def test_it_goes_on_past_what_fails(path, packed):
    def broken():
        raise RuntimeError("the database is gone")

    given = [
        ("A", {"n": 1, "deep": {"x": 0}}),
        ("", {"n": 1, "deep": {"x": 0}}),
        ("B/C", {"n": 1, "deep": {"x": 0}}),
        ("C", broken),
        ("D", '{"n": 1, "deep": {"x": '),
        ("E", {"n": object()}),
        ("F", {"m": 1}),
        ("G", '{"m": 1, "deep": {"y": 1}}'),
        ("H", "[1]"),
        ("I", b"\xff"),
        "K",
        ("L", '{"n": 2, "deep": {"x": null}}'),
        (7, {}),
    ]
    report = create_and_populate(given, path, required=["n", "deep.x"], packed=packed)
    assert stored(path) == {"A": given[0][1], "L": {"n": 2, "deep": {"x": None}}}
    assert (report.given, report.written) == (13, 2)
    why = {failed.number: (failed.refcode, failed.reason) for failed in report.failed}
    assert sorted(why) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]
    assert why[2][0] == "B/C"
    assert why[3] == ("C", "RuntimeError: the database is gone")
    assert "no JSON" in why[4][1]
    assert why[6][1] == "structure 'F' has no 'n', 'deep.x'"
    assert why[7][1] == "structure 'G' has no 'n', 'deep.x'"
    assert why[8][1] == "structure 'H' has no 'n', 'deep.x'"
    assert json.loads(json.dumps(report.as_dict()))["failed"][0]["number"] == 1


def test_a_mapping_that_raises_for_some(path, packed):
    class Lazy(Mapping):
        def __len__(self):
            return 3

        def __iter__(self):
            return iter("ABC")

        def __getitem__(self, code):
            if code == "B":
                raise KeyError(code)
            return [code]

    report = create_and_populate(Lazy(), path, packed=packed)
    assert stored(path) == {"A": ["A"], "C": ["C"]}
    assert [(failed.refcode, failed.reason) for failed in report.failed] == [("B", "KeyError: 'B'")]


def test_a_generator_that_raises_ends_and_is_reported(path, packed):
    def generate():
        yield "A", "1"
        raise OSError("no such table")

    report = create_and_populate(generate(), path, packed=packed)
    assert stored(path) == {"A": 1}
    assert [failed.reason for failed in report.failed] == ["OSError: no such table"]


def test_an_iterator_that_always_raises_is_given_up(path, packed):
    class Broken:
        def __iter__(self):
            return self

        def __next__(self):
            raise ValueError("again")

    report = create_and_populate(Broken(), path, packed=packed)
    assert len(report.failed) == populating.PATIENCE
    assert stored(path) == {}


def test_what_comes_again_replaces(path, packed):
    report = create_and_populate([("A", "1"), ("B", "2"), ("A", "3")], path, packed=packed)
    assert stored(path) == {"A": 3, "B": 2}
    assert (report.given, report.written, report.replaced) == (3, 2, ("A",))


def test_nothing_at_all(path, packed):
    report = create_and_populate({}, path, packed=packed)
    assert (report.given, report.written) == (0, 0)
    assert stored(path) == {}


def test_a_file_that_is_there_is_not_replaced_unasked(path, packed):
    path.write_bytes(b"mine")
    with pytest.raises(WriteError, match="overwrite=True"):
        create_and_populate(GOOD, path, packed=packed)
    assert path.read_bytes() == b"mine"
    create_and_populate(GOOD, path, packed=packed, overwrite=True)
    assert stored(path) == GOOD


@pytest.mark.parametrize("options", [{"metadata": {"a": object()}}, {"compression": 7}])
def test_arguments_that_make_no_sense_leave_nothing(path, tmp_path, packed, options):
    with pytest.raises(SchemaError):
        create_and_populate(GOOD, path, packed=packed, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [7, "ABACOF", None])
def test_what_is_no_source(path, given):
    with pytest.raises(SchemaError, match="a mapping, or an iterable"):
        create_and_populate(given, path)


def test_an_interrupt_is_no_failed_structure(path, tmp_path, packed):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_and_populate([("A", "1"), ("B", stop)], path, packed=packed)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill here")
@pytest.mark.parametrize("before", [True, False])
def test_killed_the_file_is_as_before(path, packed, before):
    if before:
        create_and_populate({"OLD": "1"}, path, packed=packed)
    code = textwrap.dedent(
        f"""
        import os, signal, sys
        sys.path[:] = {sys.path!r}
        from raggedh5.formats.crystal import create_and_populate
        def structures():
            for number in range(3000):
                yield f"A{{number}}", '{{"a": "' + "x" * 1000 + '"}}'
            os.kill(os.getpid(), signal.SIGKILL)
        create_and_populate(structures(), {str(path)!r}, packed={packed}, overwrite=True)
        """
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    if before:
        assert stored(path) == {"OLD": 1}
    else:
        assert not path.exists()
