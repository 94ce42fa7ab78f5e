"""Which package brings an HDF5 filter.

The ids are those of HDF5 itself and of the HDF Group's registry of filters:
https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md
"""

__all__ = ["filter_advice", "filter_title"]

BUILT_IN = {
    1: "gzip",
    2: "shuffle",
    3: "Fletcher32",
    4: "szip",
    5: "n-bit",
    6: "scale-offset",
    32000: "LZF",
}
"""HDF5 and h5py bring these by themselves."""

IN_HDF5PLUGIN = {
    307: "bzip2",
    32001: "Blosc",
    32004: "LZ4",
    32008: "Bitshuffle",
    32013: "zfp",
    32015: "Zstandard",
    32017: "SZ",
    32018: "FCIDECOMP",
    32024: "SZ3",
    32026: "Blosc2",
    32028: "SPERR",
    32033: "HTJ2K",
}
ELSEWHERE = {
    305: ("LZO", "with PyTables: pip install tables"),
    32002: ("MAFISC", ""),
    32003: ("Snappy", "https://github.com/lucasvr/snappy-cuda"),
    32005: ("APAX", ""),
    32006: ("CBF", ""),
    32007: ("JPEG-XR", ""),
    32009: ("SPDP", "http://cs.txstate.edu/~burtscher/research/SPDP"),
    32010: ("LPC-Rice", "https://sourceforge.net/projects/lpcrice"),
    32011: ("CCSDS-123", "https://sourceforge.net/projects/ccsds123-hdf-filter"),
    32012: ("JPEG-LS", "https://sourceforge.net/projects/jpegls-hdf-filter"),
    32014: ("fpzip", ""),
    32016: ("B3D", ""),
    32019: ("JPEG", "https://github.com/CARS-UChicago/jpegHDF5"),
    32020: ("VBZ", "with: pip install vbz-h5py-plugin"),
    32021: ("FAPEC", "https://www.dapcom.es/get-fapec"),
    32022: ("BitGroom", "https://github.com/ccr/ccr"),
    32023: ("Granular BitRound", "https://github.com/ccr/ccr"),
    32025: ("Delta-Rice", "https://gitlab.com/dgma224/deltarice"),
    32027: ("FLAC", ""),
    32029: ("TERSE/PROLIX", "https://github.com/Senikm/trpx"),
    32030: ("FFMPEG", "https://github.com/Cai-Lab-at-University-of-Michigan/ffmpeg_HDF5_filter"),
}
FIRST_PRIVATE = 32768


def filter_title(filter_id: int) -> str:
    """Return a filter's name with its id.

    Examples
    --------
    >>> filter_title(32013), filter_title(40000)
    ('filter 32013 (zfp)', 'filter 40000')
    """
    name = BUILT_IN.get(filter_id) or IN_HDF5PLUGIN.get(filter_id) or _elsewhere(filter_id)[0]
    return f"filter {filter_id} ({name})" if name else f"filter {filter_id}"


def filter_advice(filter_id: int, plugins: str) -> str:
    """Say how to come by a filter that is not available.

    Parameters
    ----------
    filter_id
        Its id.
    plugins
        The version of hdf5plugin that is installed.

    Examples
    --------
    >>> filter_advice(32028, "4.0")
    'It is in hdf5plugin, but not in version 4.0 as it is installed: pip install -U hdf5plugin'
    """
    if filter_id in BUILT_IN:
        return (
            "It comes with HDF5 and h5py, but this build lacks it: install h5py from PyPI or "
            "conda-forge."
        )
    if filter_id in IN_HDF5PLUGIN:
        return (
            f"It is in hdf5plugin, but not in version {plugins} as it is installed: "
            "pip install -U hdf5plugin"
        )
    set_path = "install its plugin and set HDF5_PLUGIN_PATH to the folder of it"
    name, source = _elsewhere(filter_id)
    if source.startswith("http"):
        return f"Build or {set_path}: {source}"
    if source:
        return f"Get it {source}"
    if name:
        return (
            "It is registered with the HDF Group, but no Python package of it is known here: "
            f"{set_path}."
        )
    if filter_id >= FIRST_PRIVATE:
        return f"Its number is one for private use: ask whoever made the file, {set_path}."
    return f"It is not known here: ask whoever made the file, {set_path}."


def _elsewhere(filter_id: int) -> tuple[str, str]:
    return ELSEWHERE.get(filter_id, ("", ""))
