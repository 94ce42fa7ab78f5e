"""docs/crystals.md lists the fields that the schema has."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_has_the_table_of_fields():
    spec = importlib.util.spec_from_file_location("crystal_fields", DOCS / "crystal_fields.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (DOCS / "crystals.md").read_text()
    assert module.written(page) == page, "run python docs/crystal_fields.py"
    assert "| `atom_coords` | f4 [3] | Cartesian coordinates | angstrom |" in page
