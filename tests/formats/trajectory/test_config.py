"""What the user says of writing trajectories."""

import dataclasses
import itertools
import json
import math
import sys
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  registers the filters with HDF5
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import raggedh5 as rh5
from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.config import (
    HDF5Options,
    PerformanceOptions,
    TrajectoryWriterConfig,
    ValidationOptions,
)

EXAMPLE = """
lattice: {a: 1}
trajectory_output:
  formats: {npy: true, hdf5: true}
  hdf5_options: {compression: blosc-lz4, compression_level: 5, chunking: true, shuffle: true,
                 fletcher32: false, single_file: true, precision: null}
  validation: {cross_format_check: true, tolerance: 1.0e-15, statistical_validation: true}
  performance: {buffer_size: 1000, parallel_writing: true, flush_seconds: 5}
  on_error: continue            # or raise
"""

LEVELS: dict[str, list[int | None]] = {
    "blosc": [None, 0, 9],
    "blosc-lz4": [None, 0, 5, 9],
    "blosc-lz4hc": [None, 9],
    "blosc-zstd": [None, 1],
    "blosc-zlib": [None, 6],
    "blosc-blosclz": [None, 9],
    "lz4": [None],
    "zstd": [None, 1, 22],
    "bitshuffle": [None],
    "gzip": [None, 0, 9],
    "lzf": [None],
    "none": [None],
}
SHUFFLES = (True, False, "byte", "bit", "none")
FILTERS = {
    "blosc": 32001,
    "lz4": 32004,
    "zstd": 32015,
    "bitshuffle": 32008,
    "gzip": 1,
    "lzf": 32000,
}
SHUFFLE, FLETCHER32 = 2, 3


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "sys_config.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def section(**entries: Any) -> TrajectoryWriterConfig:
    return TrajectoryWriterConfig.from_mapping(entries)


def accepted(compression: str, shuffle: bool | str) -> bool:
    """Say which shuffles a codec can do, from what HDF5 has."""
    if compression.startswith("blosc"):
        return True
    if compression == "bitshuffle":
        return shuffle in (True, "bit")
    if compression == "none":
        return shuffle in (True, False, "none")
    return shuffle != "bit"


class TestDefaults:
    def test_nothing_has_to_be_said(self) -> None:
        config = TrajectoryWriterConfig()
        assert config.formats == ("npy", "hdf5")
        assert config.on_error == "continue"
        assert config.hdf5_options.codec() == rh5.Blosc("lz4", level=5, shuffle="byte")
        assert config.hdf5_options.chunk_frames is None
        assert config.hdf5_options.precision is None

    def test_they_are_those_of_the_example(self, tmp_path: Path) -> None:
        config = TrajectoryWriterConfig.from_yaml(written(tmp_path, EXAMPLE))
        assert config == TrajectoryWriterConfig()
        assert config.as_dict() == {
            **yaml.safe_load(EXAMPLE)["trajectory_output"],
            "formats": ["npy", "hdf5"],
            "validation": {
                "cross_format_check": True,
                "tolerance": 1e-15,
                "statistical_validation": True,
            },
        }

    @pytest.mark.parametrize("text", ["trajectory_output:\n", "trajectory_output: {}\n"])
    def test_an_empty_section_has_them(self, tmp_path: Path, text: str) -> None:
        assert TrajectoryWriterConfig.from_yaml(written(tmp_path, text)) == (
            TrajectoryWriterConfig()
        )

    def test_empty_sections_within_have_them(self, tmp_path: Path) -> None:
        path = written(tmp_path, "trajectory_output:\n  hdf5_options:\n  validation: ~\n")
        assert TrajectoryWriterConfig.from_yaml(path) == TrajectoryWriterConfig()

    def test_nothing_of_it_can_be_changed(self) -> None:
        config = TrajectoryWriterConfig()
        with pytest.raises(dataclasses.FrozenInstanceError):
            config.on_error = "raise"  # type: ignore[misc]
        assert hash(config) == hash(TrajectoryWriterConfig())


class TestFormats:
    @pytest.mark.parametrize(
        ("given_formats", "formats"),
        [
            ("npy", ("npy",)),
            ("both", ("npy", "hdf5")),
            (["npy"], ("npy",)),
            (["hdf5"], ("hdf5",)),
            (["npy", "hdf5"], ("npy", "hdf5")),
            (["hdf5", "npy", "npy"], ("npy", "hdf5")),
            (["both"], ("npy", "hdf5")),
            (("both", "npy"), ("npy", "hdf5")),
            ({"npy": True, "hdf5": True}, ("npy", "hdf5")),
            ({"npy": True, "hdf5": False}, ("npy",)),
            ({"hdf5": True}, ("hdf5",)),
            ({"npy": False}, ("hdf5",)),
        ],
    )
    def test_become_a_tuple(self, given_formats: Any, formats: tuple[str, ...]) -> None:
        assert TrajectoryWriterConfig(given_formats).formats == formats
        assert section(formats=given_formats).formats == formats

    @pytest.mark.parametrize("none", [[], {}, (), {"npy": False, "hdf5": False}])
    def test_at_least_one(self, none: Any) -> None:
        with pytest.raises(SchemaError, match=r"trajectory_output\.formats names no format"):
            section(formats=none)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ("hdf", r"formats is 'hdf'; allowed: 'npy', 'hdf5', 'both' \(the closest is 'hdf5'\)"),
            (["npy", 5], "formats is 5; allowed: 'npy'"),
            (None, "formats is None; allowed: any of 'npy'"),
            (True, "formats is True; allowed"),
            ({"npz": True}, "formats has no key 'npz'; the closest is 'npy'"),
            ({"npy": "yes"}, r"formats\.npy is 'yes'; allowed: true, false"),
            ({"npy": 1}, r"formats\.npy is 1; allowed: true, false"),
        ],
    )
    def test_others_are_refused(self, wrong: Any, message: str) -> None:
        with pytest.raises(SchemaError, match=rf"^trajectory_output\.{message}"):
            section(formats=wrong)


class TestUnknownKeys:
    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ({"format": "npy"}, "trajectory_output has no key 'format'; the closest is 'formats'"),
            (
                {"performance": {"bufer_size": 1}},
                "trajectory_output.performance has no key 'bufer_size'; "
                "the closest is 'buffer_size'",
            ),
            (
                {"hdf5_options": {"Compression": "gzip"}},
                "trajectory_output.hdf5_options has no key 'Compression'; "
                "the closest is 'compression'",
            ),
            (
                {"validation": {"tol": 1}},
                "trajectory_output.validation has no key 'tol'; it has 'cross_format_check', "
                "'tolerance', 'statistical_validation'",
            ),
            (
                {"performance": {7: 1}},
                "trajectory_output.performance has no key 7; it has 'buffer_size', "
                "'parallel_writing', 'flush_seconds'",
            ),
        ],
    )
    def test_the_closest_is_named(self, entries: dict[str, Any], message: str) -> None:
        with pytest.raises(SchemaError) as caught:
            section(**entries)
        assert str(caught.value) == message


class TestValues:
    @pytest.mark.parametrize(
        ("where", "key", "value", "allowed"),
        [
            ("performance", "buffer_size", 0, "a whole number of 1 or more"),
            ("performance", "buffer_size", True, "a whole number of 1 or more"),
            ("performance", "buffer_size", 1e3, "a whole number of 1 or more"),
            ("performance", "buffer_size", "1000", "a whole number of 1 or more"),
            ("performance", "buffer_size", None, "a whole number of 1 or more"),
            ("performance", "parallel_writing", 1, "true, false"),
            ("performance", "parallel_writing", "no", "true, false"),
            ("performance", "flush_seconds", 0, "a number greater than 0 and up to 1e+06"),
            ("performance", "flush_seconds", 1e300, "a number greater than 0 and up to 1e+06"),
            ("performance", "flush_seconds", 10**400, "a number greater than 0 and up to 1e+06"),
            ("performance", "flush_seconds", True, "a number greater than 0 and up to 1e+06"),
            ("performance", "flush_seconds", "soon", "a number greater than 0 and up to 1e+06"),
            ("validation", "tolerance", -1e-9, "a number of 0 or more"),
            ("validation", "tolerance", math.nan, "a number of 0 or more"),
            ("validation", "tolerance", math.inf, "a number of 0 or more"),
            ("validation", "tolerance", "inf", "a number of 0 or more"),
            ("validation", "tolerance", [1], "a number of 0 or more"),
            ("validation", "cross_format_check", "true", "true, false"),
            ("hdf5_options", "precision", 0, "a number greater than 0"),
            ("hdf5_options", "precision", False, "a number greater than 0"),
            ("hdf5_options", "fletcher32", None, "true, false"),
            ("hdf5_options", "single_file", 0, "true, false"),
            ("hdf5_options", "chunking", 0, "a whole number from 1 to 4294967295"),
            ("hdf5_options", "chunking", 1 << 32, "a whole number from 1 to 4294967295"),
            ("hdf5_options", "chunking", None, "a whole number from 1 to 4294967295"),
            ("hdf5_options", "chunking", "auto", "true, or a whole number of frames"),
            (
                "hdf5_options",
                "chunking",
                False,
                "true, or a number of frames: datasets of HDF5 that grow have to have chunks",
            ),
        ],
    )
    def test_the_key_the_value_and_what_is_allowed_are_named(
        self, where: str, key: str, value: Any, allowed: str
    ) -> None:
        with pytest.raises(SchemaError) as caught:
            section(**{where: {key: value}})
        message = str(caught.value)
        assert message.startswith(f"trajectory_output.{where}.{key} is ")
        assert message.endswith(f"; allowed: {allowed}")
        assert len(message) < 300

    def test_numbers_may_be_written_as_texts(self, tmp_path: Path) -> None:
        text = "trajectory_output:\n  hdf5_options: {precision: 1e-4}\n"
        assert yaml.safe_load(text)["trajectory_output"]["hdf5_options"]["precision"] == "1e-4"
        options = TrajectoryWriterConfig.from_yaml(written(tmp_path, text)).hdf5_options
        assert options.precision == 1e-4
        assert ValidationOptions(tolerance="1e-12").tolerance == 1e-12  # type: ignore[arg-type]

    def test_numbers_of_numpy_are_numbers(self) -> None:
        options = PerformanceOptions(buffer_size=np.int16(7), flush_seconds=np.float32(0.5))  # type: ignore[arg-type]
        assert options == PerformanceOptions(7, flush_seconds=0.5)
        assert type(options.buffer_size) is int
        assert type(options.flush_seconds) is float

    def test_frames_of_a_chunk(self) -> None:
        assert HDF5Options(chunking=1).chunk_frames == 1
        assert HDF5Options(chunking=512).chunk_frames == 512

    @pytest.mark.parametrize("wrong", ["stop", "Raise", None, True])
    def test_on_error(self, wrong: Any) -> None:
        assert section(on_error="raise").on_error == "raise"
        with pytest.raises(SchemaError, match=r"on_error is .*; allowed: 'continue', 'raise'"):
            section(on_error=wrong)

    @pytest.mark.parametrize("wrong", [[], "gzip", 5, True])
    def test_a_section_is_a_mapping(self, wrong: Any) -> None:
        with pytest.raises(SchemaError, match=r"hdf5_options is .*allowed: a mapping with any of"):
            section(hdf5_options=wrong)
        with pytest.raises(SchemaError, match=r"trajectory_output is .*allowed: a mapping"):
            TrajectoryWriterConfig.from_mapping(wrong)

    def test_sections_may_be_ready(self) -> None:
        options = HDF5Options(compression="lzf")
        assert section(hdf5_options=options).hdf5_options is options
        with pytest.raises(SchemaError, match="from_mapping takes mappings"):
            TrajectoryWriterConfig(hdf5_options={"compression": "lzf"})  # type: ignore[arg-type]

    def test_an_endless_value_gives_a_short_message(self) -> None:
        endless: list[Any] = []
        endless.append(endless)
        for wrong in (endless, "x" * 10**6, 16**10**5, [[[["deep"] * 50] * 50] * 50] * 50):
            with pytest.raises(SchemaError) as caught:
                section(hdf5_options={"compression": wrong})
            assert len(str(caught.value)) < 2000


class TestCodecs:
    @pytest.mark.parametrize("compression", LEVELS)
    def test_what_is_accepted_is_what_is_stored(self, tmp_path: Path, compression: str) -> None:
        random = np.random.default_rng(1)
        walk = random.normal(size=(96, 12)).cumsum(axis=0).round(3)
        noise = random.integers(0, 2**62, (96, 12)).view(np.float64)
        cases = itertools.product(LEVELS[compression], SHUFFLES, (False, True))
        with rh5.File(tmp_path / "all.h5", "w") as file:
            stored = []
            for number, (level, shuffle, fletcher32) in enumerate(cases):
                if not accepted(compression, shuffle):
                    continue
                options = HDF5Options(compression, level, shuffle=shuffle, fletcher32=fletcher32)
                for kind, values in (("walk", walk), ("noise", noise)):
                    array = file.create_array(
                        f"{kind}{number}", (0, 12), "f8", codec=options.codec(), chunks=(40, 12)
                    )
                    array.append(values)
                stored.append((number, shuffle, fletcher32))
        family = compression.partition("-")[0]
        with h5py.File(tmp_path / "all.h5") as file:
            for number, shuffle, fletcher32 in stored:
                for kind, values in (("walk", walk), ("noise", noise)):
                    dataset = file[f"{kind}{number}"]
                    assert dataset[:].tobytes() == values.tobytes()
                    own = shuffle in (True, "byte") and family in ("gzip", "lzf", "lz4", "zstd")
                    wanted = [SHUFFLE] * own
                    wanted += [FILTERS[family]] if family != "none" else []
                    assert filter_ids(dataset) == wanted + [FLETCHER32] * fletcher32
                    assert dataset.fletcher32 is fletcher32

    @pytest.mark.parametrize(
        ("compression", "shuffle"),
        [
            (compression, shuffle)
            for compression in LEVELS
            for shuffle in SHUFFLES
            if not accepted(compression, shuffle)
        ],
    )
    def test_a_shuffle_that_it_cannot_do_is_refused(
        self, compression: str, shuffle: bool | str
    ) -> None:
        with pytest.raises(
            SchemaError, match=rf"shuffle \(of '{compression}'\) is .*allowed: .*; "
        ):
            HDF5Options(compression, shuffle=shuffle)

    @pytest.mark.parametrize("compression", LEVELS)
    @pytest.mark.parametrize("shuffle", ["bytes", None, 1, []])
    def test_what_is_no_shuffle(self, compression: str, shuffle: Any) -> None:
        with pytest.raises(SchemaError, match=r"hdf5_options\.shuffle .* allowed: true"):
            HDF5Options(compression, shuffle=shuffle)

    @pytest.mark.parametrize(
        ("compression", "shuffle", "stored"),
        [("blosc", "bit", 2), ("blosc-zstd", True, 1), ("blosc-lz4hc", False, 0)],
    )
    def test_blosc_shuffles_by_itself(
        self, tmp_path: Path, compression: str, shuffle: bool | str, stored: int
    ) -> None:
        codec = HDF5Options(compression, 7, shuffle=shuffle).codec()
        with rh5.File(tmp_path / "one.h5", "w") as file:
            file.create_array("x", data=np.zeros((8, 3)), codec=codec)
        with h5py.File(tmp_path / "one.h5") as file:
            _, _, parameters, _ = file["x"].id.get_create_plist().get_filter(0)
            assert parameters[4:6] == (7, stored)

    @pytest.mark.parametrize(
        ("compression", "default", "too_high"),
        [("blosc", 5, 10), ("blosc-zstd", 5, 10), ("gzip", 4, 10), ("zstd", 3, 23)],
    )
    def test_levels(self, compression: str, default: int, too_high: int) -> None:
        assert HDF5Options(compression).compression_level == default
        for wrong in (too_high, -1, True, "5", 5.0):
            with pytest.raises(
                SchemaError, match=rf"compression_level \(of .*\) is .*to {too_high - 1}"
            ):
                HDF5Options(compression, wrong)  # type: ignore[arg-type]

    @pytest.mark.parametrize("compression", ["lz4", "lzf", "bitshuffle", "none", None])
    def test_no_level_where_there_is_none(self, compression: str | None) -> None:
        assert HDF5Options(compression).compression_level is None
        with pytest.raises(SchemaError, match=r"compression_level is 5; .* has no levels"):
            HDF5Options(compression, 5)

    def test_nothing_is_no_compression(self) -> None:
        assert HDF5Options(None) == HDF5Options("none")
        assert HDF5Options(None).codec().keywords() == {}

    @pytest.mark.parametrize("wrong", ["blosc-lz5", "blosc-snappy", "LZ4", "szip", False, 4, {}])
    def test_what_is_no_codec(self, wrong: Any) -> None:
        with pytest.raises(SchemaError, match=r"hdf5_options\.compression is .*'blosc-lz4', .*"):
            HDF5Options(wrong)

    def test_the_closest_codec_is_named(self) -> None:
        with pytest.raises(SchemaError, match=r"\(the closest is 'gzip'\)"):
            HDF5Options("gzp")


def filter_ids(dataset: h5py.Dataset) -> list[int]:
    plist = dataset.id.get_create_plist()
    return [plist.get_filter(index)[0] for index in range(plist.get_nfilters())]


class TestYaml:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("trajectory_output: {formats: [npy}", r":1: not YAML: "),
            ("a: 1\ntrajectory_output:\n\tformats: npy\n", r":3: not YAML: "),
            ("trajectory_output: *nowhere\n", r":1: not YAML: .*undefined alias"),
            ("trajectory_output: !!python/name:os.system x\n", r":1: not YAML: .*constructor"),
            ("---\na: 1\n---\nb: 1\n", r":3: not YAML: "),
            ("trajectory_output:\n  on_error: 2001-13-45\n", "section .* cannot be read: month"),
            ("trajectory_output: !!timestamp x\n", "section .* cannot be read"),
            ("trajectory_output: " + "[" * 20000, "nested too deeply"),
            (b"trajectory_output: \xff\n", "not YAML: unacceptable character"),
            (b"trajectory_output: \x00\n", "not YAML: "),
            ("", "has no section 'trajectory_output'"),
            ("# nothing\n", "has no section 'trajectory_output'"),
            ("formats: npy\n", "has no section 'trajectory_output'$"),
            ("trajectory_outputs: {}\n", r"has no section .* \(is it 'trajectory_outputs'\?\)"),
            ("- trajectory_output\n", "is no mapping of sections"),
            ("trajectory_output\n", "is no mapping of sections"),
            ("trajectory_output: [npy]\n", r"trajectory_output is \['npy'\]; allowed: a mapping"),
            (
                "trajectory_output: {}\nb: 1\ntrajectory_output: {}\n",
                ":3: the key .* is there twice",
            ),
            (
                "trajectory_output:\n  performance:\n    buffer_size: 1\n    'buffer_size': 2\n",
                ":4: the key 'buffer_size' is there twice",
            ),
            ("trajectory_output: {? [1, 2] : 3}\n", ":1: not YAML: .*unhashable key"),
            (
                "trajectory_output: {performance: {bufer_size: 1}}\n",
                r": trajectory_output\.performance has no key 'bufer_size'; the closest is",
            ),
        ],
    )
    def test_what_is_wrong_is_said_with_the_file(
        self, tmp_path: Path, text: str | bytes, message: str
    ) -> None:
        path = written(tmp_path, text)
        with pytest.raises(SchemaError, match=message) as caught:
            TrajectoryWriterConfig.from_yaml(path)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)

    def test_other_sections_may_hold_anything(self, tmp_path: Path) -> None:
        path = written(
            tmp_path,
            "other: !mine {a: 1, a: 2}\n? [a, list]\n: 3\ntrajectory_output: {formats: npy}\n",
        )
        assert TrajectoryWriterConfig.from_yaml(path).formats == ("npy",)

    def test_anchors_and_merges(self, tmp_path: Path) -> None:
        path = written(
            tmp_path,
            "base: &base\n  trajectory_output: {formats: npy}\n"
            "small: &small {buffer_size: 10, flush_seconds: 1}\n"
            "<<: *base\n"
            "trajectory_output: {performance: {<<: *small, flush_seconds: 2}}\n",
        )
        config = TrajectoryWriterConfig.from_yaml(path)
        assert config.formats == ("npy", "hdf5")
        assert config.performance == PerformanceOptions(10, flush_seconds=2)

    def test_a_section_may_be_merged_itself(self, tmp_path: Path) -> None:
        text = "base: &base {trajectory_output: {formats: npy}}\n<<: *base\n"
        assert TrajectoryWriterConfig.from_yaml(written(tmp_path, text)).formats == ("npy",)

    def test_a_loop_of_aliases(self, tmp_path: Path) -> None:
        path = written(tmp_path, "trajectory_output: &all {formats: *all}\n")
        with pytest.raises(SchemaError, match=r"formats has no key 'formats'"):
            TrajectoryWriterConfig.from_yaml(path)

    def test_a_path_may_be_a_text(self, tmp_path: Path) -> None:
        path = written(tmp_path, "trajectory_output: {formats: npy}\n")
        assert TrajectoryWriterConfig.from_yaml(str(path)).formats == ("npy",)

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            TrajectoryWriterConfig.from_yaml(tmp_path / "none.yml")
        with pytest.raises(OSError, match=r"directory|denied"):
            TrajectoryWriterConfig.from_yaml(tmp_path)

    def test_without_pyyaml(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = written(tmp_path, "trajectory_output: {}\n")
        monkeypatch.setitem(sys.modules, "yaml", None)
        with pytest.raises(ImportError, match=r"pip install 'raggedh5\[yaml\]'"):
            TrajectoryWriterConfig.from_yaml(path)


@st.composite
def options(draw: st.DrawFn) -> HDF5Options:
    compression = draw(st.sampled_from(list(LEVELS)))
    return HDF5Options(
        compression,
        draw(st.sampled_from(LEVELS[compression])),
        draw(st.one_of(st.just(True), st.integers(1, 10**6))),
        draw(st.sampled_from([entry for entry in SHUFFLES if accepted(compression, entry)])),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.none() | st.floats(1e-12, 1e3)),
    )


CONFIGS = st.builds(
    TrajectoryWriterConfig,
    st.sampled_from(["npy", "hdf5", "both"]),
    options(),
    st.builds(ValidationOptions, st.booleans(), st.floats(0, 1), st.booleans()),
    st.builds(PerformanceOptions, st.integers(1, 10**9), st.booleans(), st.floats(1e-3, 1e6)),
    st.sampled_from(["continue", "raise"]),
)


@given(CONFIGS)
def test_as_dict_and_back(config: TrajectoryWriterConfig) -> None:
    assert TrajectoryWriterConfig.from_mapping(json.loads(json.dumps(config.as_dict()))) == config
    text = yaml.safe_dump(config.as_dict())
    assert TrajectoryWriterConfig.from_mapping(yaml.safe_load(text)) == config


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        (None, "formats"),
        (None, "on_error"),
        *(
            (name, entry.name)
            for name, kind in (
                ("hdf5_options", HDF5Options),
                ("validation", ValidationOptions),
                ("performance", PerformanceOptions),
            )
            for entry in dataclasses.fields(kind)
        ),
    ]
)


@given(KEYS, JUNK)
def test_any_value_is_taken_or_refused_by_name(key: tuple[str | None, str], value: Any) -> None:
    where, name = key
    entries = {name: value} if where is None else {where: {name: value}}
    path = f"trajectory_output.{name}" if where is None else f"trajectory_output.{where}.{name}"
    message = path
    try:
        TrajectoryWriterConfig.from_mapping(entries)
    except SchemaError as error:
        message = str(error)
    assert message.startswith(path)
