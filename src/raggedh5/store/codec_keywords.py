"""The codec of a dataset, to make another with the same one."""

from typing import Any

from raggedh5.core.native import BITSHUFFLE
from raggedh5.store.facts import Facts
from raggedh5.store.filters import missing_filters

__all__ = ["codec_keywords"]

GZIP, SHUFFLE, FLETCHER, LZF = 1, 2, 3, 32000


def codec_keywords(facts: Facts) -> Any:
    """Return what `raggedh5.Column` takes for a codec, ``"inherit"`` where it cannot be had again.

    Examples
    --------
    >>> import h5py
    >>> with h5py.File("x.h5", "w", driver="core", backing_store=False) as file:
    ...     codec_keywords(Facts(file.create_dataset("x", (9,), "f4", chunks=(3,), compression=4)))
    {'compression': 'gzip', 'compression_opts': 4}
    """
    known: dict[str, Any] = {}
    if not facts.chunks or missing_filters(facts.pipeline):
        return "inherit"
    for code, parameters in facts.pipeline:
        if code == SHUFFLE:
            known["shuffle"] = True
        elif code == FLETCHER:
            known["fletcher32"] = True
        elif "compression" in known:
            return "inherit"
        elif code == GZIP:
            known |= {"compression": "gzip", "compression_opts": parameters[0]}
        elif code == LZF:
            known["compression"] = "lzf"
        else:
            # Bitshuffle puts its version and the item's size before what it is given.
            given = parameters[3:] if code == BITSHUFFLE else parameters
            known |= {"compression": code, "compression_opts": given}
    return known
