import hdf5plugin
import pytest

from raggedh5.core.codecs import LZ4, Bitshuffle, Blosc, Zstd, as_codec
from raggedh5.errors import SchemaError


@pytest.mark.parametrize(
    ("codec", "filter_id", "options"),
    [
        (Blosc(), 32001, (0, 0, 0, 0, 5, 1, 1)),
        (Blosc("zstd", 9, "bit"), 32001, (0, 0, 0, 0, 9, 2, 5)),
        (Blosc("blosclz", 0, None), 32001, (0, 0, 0, 0, 0, 0, 0)),
        (LZ4(), 32004, (0,)),
        (LZ4(4096), 32004, (4096,)),
        (Zstd(7), 32015, (7,)),
        (Bitshuffle(64), 32008, (64, 2)),
    ],
    ids=repr,
)
def test_keywords_name_the_filter(codec, filter_id, options):
    assert codec.keywords() == {"compression": filter_id, "compression_opts": options}
    assert as_codec(codec) is codec


def test_the_same_keywords_as_hdf5plugin():
    for ours, theirs in (
        (Blosc("zstd", 3, "bit"), hdf5plugin.Blosc("zstd", 3, hdf5plugin.Blosc.BITSHUFFLE)),
        (Blosc("lz4hc", 1, None), hdf5plugin.Blosc("lz4hc", 1, hdf5plugin.Blosc.NOSHUFFLE)),
        (LZ4(1024), hdf5plugin.LZ4(1024)),
        (Zstd(5), hdf5plugin.Zstd(5)),
        (Bitshuffle(), hdf5plugin.Bitshuffle()),
    ):
        keywords = as_codec(theirs).keywords()
        assert keywords["compression"] == ours.keywords()["compression"]
        size = len(ours.keywords()["compression_opts"])
        assert tuple(keywords["compression_opts"])[:size] == ours.keywords()["compression_opts"]


@pytest.mark.parametrize(
    "name", ["blosc", "lz4", "zstd", "bitshuffle", "gzip", "lzf", "none", None]
)
def test_codecs_by_name(name):
    keywords = as_codec(name).keywords()
    assert keywords == {} if name in ("none", None) else "compression" in keywords


@pytest.mark.parametrize(
    "make",
    [
        lambda: Blosc("brotli"),
        lambda: Blosc(level=10),
        lambda: Blosc(level=-1),
        lambda: Blosc(shuffle="nibble"),
        lambda: Blosc(blocksize=1),
        lambda: Zstd(0),
        lambda: Zstd(23),
        lambda: Bitshuffle(-8),
        lambda: Bitshuffle(7),
        lambda: as_codec(3),
        lambda: as_codec(["gzip"]),
    ],
)
def test_what_is_no_codec_is_refused(make):
    with pytest.raises(SchemaError):
        make()
