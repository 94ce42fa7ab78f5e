"""The codec that is read off a dataset makes another with the same filters."""

import h5py
import hdf5plugin
import pytest

import raggedh5 as rh5
from raggedh5.core.codecs import as_codec
from raggedh5.core.pipeline_codecs import codec_like
from raggedh5.store.facts import pipeline_of

CODECS = [
    None,
    "gzip",
    "lzf",
    {"compression": "gzip", "compression_opts": 9, "shuffle": True, "fletcher32": True},
    {"shuffle": True},
    {"compression": "szip", "compression_opts": ("nn", 16)},
    {"compression": "szip", "compression_opts": ("ec", 8), "shuffle": True},
    rh5.Blosc(),
    rh5.Blosc("zstd", level=0, shuffle=None),
    rh5.Blosc("blosclz", level=9, shuffle="bit"),
    rh5.LZ4(4096),
    rh5.Zstd(7),
    rh5.Bitshuffle(),
    rh5.Bitshuffle(64),
    hdf5plugin.Bitshuffle(cname="none"),
    hdf5plugin.Bitshuffle(cname="zstd"),
    hdf5plugin.Blosc2(),
    {"compression": hdf5plugin.ZSTD_ID, "shuffle": True},
]


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_there_and_back(codec):
    with h5py.File("x.h5", "w", driver="core", backing_store=False) as file:
        options = {"shape": (100,), "dtype": "f4", "chunks": (50,)}
        given = file.create_dataset("a", **options, **as_codec(codec).keywords())
        found = codec_like(pipeline_of(given))
        made = file.create_dataset("b", **options, **found.keywords())
        assert pipeline_of(made) == pipeline_of(given)


def test_what_cannot_be_asked_for_again():
    with h5py.File("x.h5", "w", driver="core", backing_store=False) as file:
        given = file.create_dataset("a", (100,), "i4", chunks=(50,), scaleoffset=0)
        assert codec_like(pipeline_of(given)) == rh5.Blosc()
