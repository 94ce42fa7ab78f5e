"""Any text makes a name that HDF5 takes, and comes back from it."""

import h5py
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.core.link_names import LONGEST, MISSING, link_name, text_of_link

TEXTS = st.one_of(
    st.text(st.sampled_from("./%2Fe~\0 äé😀"), max_size=12),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)


@given(st.lists(TEXTS, unique=True, max_size=20))
def test_there_and_back(texts):
    names = [link_name(text) for text in texts]
    assert len(set(names)) == len(texts)
    assert MISSING not in names
    for text, name in zip(texts, names, strict=True):
        assert name
        assert len(name.encode()) <= LONGEST
        if len(text.encode()) < 80:
            assert text_of_link(name) == text


@given(st.lists(TEXTS, unique=True, max_size=10))
def test_hdf5_takes_them(texts):
    with h5py.File("x.h5", "w", driver="core", backing_store=False) as file:
        for number, text in enumerate(texts):
            file.create_dataset(link_name(text), data=number)
        assert len(file) == len(texts)
        for number, text in enumerate(texts):
            assert file[link_name(text)][()] == number


@pytest.mark.parametrize("text", [".", "..", "...", "/", "a/b", "%", "%2F", "", "%missing"])
def test_odd_ones(text):
    name = link_name(text)
    assert "/" not in name
    assert name.strip(".")
    assert text_of_link(name) == text


def test_long_ones_differ():
    texts = ["ä" * n for n in range(120, 400, 7)]
    names = {link_name(text) for text in texts}
    assert len(names) == len(texts)
    assert max(len(name.encode()) for name in names) <= LONGEST
    assert text_of_link(link_name("x" * 1000)) is None
