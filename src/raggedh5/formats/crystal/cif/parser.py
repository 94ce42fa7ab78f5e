"""The package that knows the grammar of CIF, and the elements."""

from typing import Any

__all__ = ["require_gemmi"]


def require_gemmi() -> Any:
    """Return the package gemmi.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import gemmi
    except ImportError as error:
        raise ImportError(
            "CIF is read through gemmi; install it with: pip install 'raggedh5[cif]'"
        ) from error
    return gemmi
