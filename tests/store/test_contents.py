"""What a file holds, where it holds odd things."""

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.care import doctor, validate


def test_a_dataset_without_a_dataspace_reads_as_empty(path):
    with h5py.File(path, "w") as file:
        file["nothing"] = h5py.Empty("f4")
        file["ok"] = np.arange(3)
    with rh5.File(path) as file:
        array = file["nothing"]
        assert array.shape is None
        assert array[()] == array.read() == h5py.Empty("f4")
    found = rh5.read(path)
    assert found["ok"].tolist() == [0, 1, 2]
    assert found["nothing"] == h5py.Empty("f4")


def test_a_name_that_is_no_text(path):
    with h5py.File(path, "w") as file:
        file.create_dataset(b"na\xffme", data=[1])
    with pytest.raises(rh5.FormatError, match=r"na\\xffme.* no UTF-8"):
        rh5.read(path)


@pytest.mark.parametrize("live", [False, True])
def test_links_that_lead_nowhere(path, live):
    with h5py.File(path, "w") as file:
        file["self"] = h5py.SoftLink("/self")
        file["there"] = h5py.SoftLink("/back")
        file["back"] = h5py.SoftLink("/there")
        file["dangling"] = h5py.SoftLink("/nothing")
        file["good"] = h5py.SoftLink("/ok")
        file["ok"] = np.arange(3)
    with rh5.File(path, live=live) as file:
        assert sorted(file.read()) == ["good", "ok"]
        with pytest.raises(KeyError, match="nowhere"):
            file["self"]
        with pytest.raises(KeyError):
            file["dangling"]
    assert validate(path).valid
    findings = doctor(path).findings
    assert {finding.kind for finding in findings} == {"link-dangling"}
    assert not any(finding.prevents for finding in findings)


def test_groups_in_a_circle(path):
    with h5py.File(path, "w") as file:
        file["a/b/x"] = [1]
        file["a/b/c"] = file["a"]
    assert rh5.read(path).keys() == {"a/b/x"}
