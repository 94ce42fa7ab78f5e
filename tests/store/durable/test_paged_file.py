"""The file that HDF5 writes to, held to a bytearray; and its journal."""

import os
import struct
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.core.checksum import checksum
from raggedh5.errors import FormatError
from raggedh5.store.durable import paged_file
from raggedh5.store.durable.journal import Journal, Kind, fingerprint
from raggedh5.store.durable.paged_file import PagedFile
from raggedh5.store.durable.pages import PAGE, Pages

places = st.integers(0, 5 * PAGE)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), places, st.binary(min_size=1, max_size=2 * PAGE)),
        st.tuples(st.just("truncate"), places),
        st.tuples(st.just("commit")),
        st.tuples(st.just("fix")),
        st.tuples(
            st.sampled_from(["lend", "lend, full"]),
            places,
            st.binary(min_size=1, max_size=4 * PAGE),
        ),
        st.tuples(st.just("full"), places, st.binary(min_size=1, max_size=2 * PAGE)),
    ),
    max_size=12,
)


@given(
    start=st.binary(max_size=3 * PAGE),
    steps=steps,
    direct=st.sampled_from([1, PAGE, 1 << 16]),
    late=st.sampled_from([1, 3 * PAGE, 1 << 23]),
)
def test_against_a_bytearray(tmp_path_factory, start, steps, direct, late):
    with mock.patch.multiple(paged_file, DIRECT=direct, LARGEST_LATE=late):
        follow(tmp_path_factory, start, steps)


def follow(tmp_path_factory, start, steps):
    path = tmp_path_factory.mktemp("paged") / "file"
    path.write_bytes(start)
    descriptor = os.open(path, os.O_RDWR)
    file = PagedFile(descriptor, len(start))
    model, committed = bytearray(start), bytes(start)
    lent, given = [], []
    file.give = given.append
    for step in steps:
        if step[0] in ("write", "full", "lend", "lend, full"):
            _, at, data = step
            if "full" in step[0]:  # nothing can be written for a while
                file.descriptor = os.open(path, os.O_RDONLY)
            if at > len(model):  # what was cut may show again where nothing is written
                data = bytes(at - len(model)) + data
                at = len(model)
            model[at : at + len(data)] = data
            if "lend" in step[0]:
                lent.append(np.frombuffer(data, np.uint8).copy())
                file.lend(lent[-1])
                assert file.write_at(at, lent[-1].data) == len(data)
                assert file.lent() == at
                file.give_back(lent[-1])
            else:
                assert file.write_at(at, data) == len(data)
                assert file.lent() is None
            if "full" in step[0]:
                os.close(file.descriptor)
                file.descriptor = descriptor
        elif step[0] == "truncate":
            size = max(step[1], 1)
            model = model[:size].ljust(size, b"\0")
            file.truncate(size)
            file.write_at(0, bytes(model))
        elif step[0] == "fix":
            boundary = file.fix()
            committed = path.read_bytes()[: max(len(model), boundary)]
            assert committed[boundary:] == model[boundary:]
            assert len(given) == len(lent)
        else:
            pages = file.pages()
            assert path.read_bytes()[: len(committed)].ljust(len(committed)) == committed
            assert pages.stranger(descriptor) is None
            again = Pages.parse(b"".join(bytes(piece) for piece in pages.pieces()))
            again.apply(descriptor)
            again.apply(descriptor)  # as often as one likes
            assert again.stranger(descriptor) is None
            file.committed()
            committed = bytes(model)
            assert path.read_bytes() == committed
        # What was committed is not touched before the next commit.
        assert path.read_bytes()[: len(committed)] == committed
        found = bytearray(len(model))
        assert file.read_at(0, found) == len(model)
        assert found == model
        assert file.end == len(model)
        assert all(any(buffer is one for one in lent) for buffer in given)
        for buffer in given:  # it is used for something else
            buffer[:] = 0
    file.release()


def test_an_exception_while_what_was_lent_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(paged_file, "DIRECT", 1)
    path = tmp_path / "file"
    file = PagedFile(os.open(path, os.O_RDWR | os.O_CREAT), 0)
    lent = np.random.default_rng(0).integers(0, 256, (5, PAGE), np.uint8)
    for number, data in enumerate(lent):
        file.lend(data)
        file.write_at(number * PAGE, data.data)
        file.give_back(data)
    write, calls = PagedFile._write, []

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write(self, *arguments)

    monkeypatch.setattr(PagedFile, "_write", interrupted)
    found = np.zeros_like(lent)
    with pytest.raises(KeyboardInterrupt):
        file.read_at(0, found.reshape(-1).data)
    file.read_at(0, found.reshape(-1).data)  # as `core.file_object` does
    assert np.array_equal(found, lent)
    file.release()


def test_the_end_of_a_file_that_lost_its_journal_is_found_out(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 100)
    descriptor = os.open(path, os.O_RDWR)
    file = PagedFile(descriptor, 25_600)
    file.write_at(5000, b"changed")
    pages = file.pages()
    os.pwrite(descriptor, b"x", 4096 + 600)
    assert pages.stranger(descriptor) == 4096 + 512
    file.release()


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\0" * 15,
        np.array([100, 1], "<i8").tobytes(),
        np.array([100, -1], "<i8").tobytes(),
        np.array([100, 1 << 60], "<i8").tobytes(),
        np.array([100, 1, -1, *[0] * 8], "<i8").tobytes() + bytes(PAGE),
        np.array([100, 1, 1, *[0] * 8], "<i8").tobytes() + bytes(PAGE),
        np.array([1 << 14, 2, 1, 1, *[0] * 16], "<i8").tobytes() + bytes(2 * PAGE),
    ],
)
def test_records_that_make_no_sense(record):
    with pytest.raises(FormatError, match="journal"):
        Pages.parse(record)


@pytest.fixture
def journal(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"content" * 1000)
    with file.open("rb") as opened:
        mark = fingerprint(opened.fileno(), 7000)
    made = Journal(tmp_path / "file.journal", create=True, sync=False)
    made.begin(7000, mark)
    yield made
    made.close()


def reopened(journal):
    return Journal(journal.path, create=False, sync=False)


def test_a_journal_gives_back_what_was_put_in(journal):
    journal.append(Kind.ROWS, [memoryview(b"one"), memoryview(np.arange(3)).cast("B")])
    journal.append(Kind.PAGES, [memoryview(b"")])
    other = reopened(journal)
    assert other.header == journal.header
    found = list(other.records())
    assert found == [(Kind.ROWS, b"one" + np.arange(3).tobytes()), (Kind.PAGES, b"")]
    # What comes next goes behind it.
    other.append(Kind.ROWS, [memoryview(b"two")])
    assert [payload for _, payload in reopened(journal).records()][-1] == b"two"


def test_an_epoch_makes_the_records_of_the_last_one_void(journal):
    journal.append(Kind.ROWS, [memoryview(b"one")])
    journal.append(Kind.ROWS, [memoryview(b"two")])
    journal.begin(8000, 5)
    assert list(reopened(journal).records()) == []
    journal.append(Kind.ROWS, [memoryview(b"six")])
    assert [payload for _, payload in reopened(journal).records()] == [memoryview(b"six")]
    assert reopened(journal).header[1:] == (8000, 5)


def test_any_byte_that_changes_ends_the_records(journal):
    journal.append(Kind.ROWS, [memoryview(b"first")])
    journal.append(Kind.ROWS, [memoryview(b"second")])
    whole = journal.path.read_bytes()
    for at in range(4096, len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        journal.path.write_bytes(damaged)
        found = [payload for _, payload in reopened(journal).records()]
        assert found in ([], [b"first"], [b"first", b"second"])
        assert (found == [b"first", b"second"]) == (
            at >= 4096 + 40 + 8 + 40 + 6 or 4141 <= at < 4144
        )
    for cut in range(4096, len(whole)):
        journal.path.write_bytes(whole[:cut])
        assert len(list(reopened(journal).records())) <= (cut >= 4096 + 45) + (cut >= 4144 + 46)


def test_a_damaged_header_leaves_the_one_before(journal):
    first = journal.header
    journal.begin(8000, 5)
    assert reopened(journal).header.epoch == 2
    for at in range(64):  # the second epoch has the first place
        whole = bytearray(journal.path.read_bytes())
        whole[at] ^= 4
        journal.path.write_bytes(whole)
        found = reopened(journal).header
        assert found == first or at >= 48
        whole[at] ^= 4
        journal.path.write_bytes(whole)


def test_a_journal_of_a_later_version_is_left_alone(journal):
    body = struct.pack("<8sIIQQQ", b"rh5-jrnl", 9, 0, 7, 1, 1)
    journal.path.write_bytes(body + struct.pack("<Q", checksum(body)))
    with pytest.raises(FormatError, match="newer"):
        reopened(journal)
