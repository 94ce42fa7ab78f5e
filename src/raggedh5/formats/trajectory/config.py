"""What the user says of writing trajectories: formats, compression, buffers, comparison."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.configuring.formats import FORMATS, resolve_formats
from raggedh5.formats.trajectory.configuring.options import (
    SECTION,
    HDF5Options,
    PerformanceOptions,
    ValidationOptions,
)
from raggedh5.formats.trajectory.configuring.values import check_keys, one_of, refused
from raggedh5.formats.trajectory.configuring.yaml_section import read_section

__all__ = ["HDF5Options", "PerformanceOptions", "TrajectoryWriterConfig", "ValidationOptions"]

ON_ERROR = ("continue", "raise")
_SECTIONS: dict[str, type[HDF5Options | ValidationOptions | PerformanceOptions]] = {
    "hdf5_options": HDF5Options,
    "validation": ValidationOptions,
    "performance": PerformanceOptions,
}


@dataclass(frozen=True)
class TrajectoryWriterConfig:
    """How trajectories are written.

    Parameters
    ----------
    formats
        ``"npy"``, ``"hdf5"``, ``"both"``, a list of these, or a mapping such as
        ``{"npy": True, "hdf5": False}``. It becomes a tuple such as ``("npy", "hdf5")``.
    hdf5_options, validation, performance
        The sections.
    on_error
        ``"continue"``: when one format fails, the other goes on; ``"raise"``: that raises.

    Raises
    ------
    SchemaError
        If a value is not allowed; it names the key, the value and what is allowed.

    Examples
    --------
    >>> TrajectoryWriterConfig().formats
    ('npy', 'hdf5')
    >>> TrajectoryWriterConfig("hdf5", HDF5Options(compression="gzip")).hdf5_options.codec()
    FilterKeywords(options={'compression': 'gzip', 'compression_opts': 4, 'shuffle': True})
    """

    formats: Any = FORMATS
    hdf5_options: HDF5Options = field(default_factory=HDF5Options)
    validation: ValidationOptions = field(default_factory=ValidationOptions)
    performance: PerformanceOptions = field(default_factory=PerformanceOptions)
    on_error: Literal["continue", "raise"] = "continue"

    def __post_init__(self) -> None:
        object.__setattr__(self, "formats", resolve_formats(f"{SECTION}.formats", self.formats))
        for name, kind in _SECTIONS.items():
            given = getattr(self, name)
            if not isinstance(given, kind):
                allowed = f"a {kind.__name__}; TrajectoryWriterConfig.from_mapping takes mappings"
                raise refused(f"{SECTION}.{name}", given, allowed)
        one_of(f"{SECTION}.on_error", self.on_error, ON_ERROR)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any] | None) -> "TrajectoryWriterConfig":
        """Return the configuration that the entries of the section `trajectory_output` describe.

        Parameters
        ----------
        mapping
            Its entries, named as the attributes are, with mappings for sections. What is left
            out, None included where it is a section, has its default.

        Raises
        ------
        SchemaError
            If a key is not known, which names the closest known one, or a value is not allowed.

        Examples
        --------
        >>> config = TrajectoryWriterConfig.from_mapping({"performance": {"buffer_size": 50}})
        >>> config.performance.buffer_size, config.performance.flush_seconds
        (50, 5.0)
        """
        given = check_keys(SECTION, mapping, _names(cls))
        for name, kind in _SECTIONS.items():
            if name in given:
                section = given[name]
                if not isinstance(section, kind):
                    given[name] = kind(**check_keys(f"{SECTION}.{name}", section, _names(kind)))
        return cls(**given)

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str]) -> "TrajectoryWriterConfig":
        """Return what the section `trajectory_output` of a YAML file says.

        Parameters
        ----------
        path
            The file; its other sections are ignored.

        Raises
        ------
        ImportError
            If PyYAML is not installed.
        FileNotFoundError
            If there is no such file.
        SchemaError
            If it is no YAML or has no such section, and as in `from_mapping`.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "sys_config.yml"
        >>> _ = path.write_text("trajectory_output: {formats: [hdf5], on_error: raise}")
        >>> TrajectoryWriterConfig.from_yaml(path).formats
        ('hdf5',)
        """
        section = read_section(path, SECTION)
        try:
            return cls.from_mapping(section)
        except SchemaError as error:
            raise SchemaError(f"{path}: {error}") from error

    def as_dict(self) -> dict[str, Any]:
        """Return it as `from_mapping` takes it, of types that JSON and YAML have."""
        return {**asdict(self), "formats": list(self.formats)}


def _names(kind: Any) -> list[str]:
    return [entry.name for entry in fields(kind)]
