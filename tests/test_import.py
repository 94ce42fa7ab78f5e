"""What ``import raggedh5`` does not do, and who imports what."""

import ast
import subprocess
import sys
from pathlib import Path

import raggedh5

HEAVY = ("awkward", "pyarrow", "torch", "anndata", "pandas", "click", "rich", "asyncio")


def test_import_is_light() -> None:
    code = (
        "import sys, threading; import raggedh5\n"
        f"print([name for name in {HEAVY} if name in sys.modules])\n"
        "print(threading.active_count())"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split("\n")[:2] == ["[]", "1"]


def test_only_core_imports_kernels() -> None:
    # The import graph of import-linter does not know extension modules.
    package = Path(raggedh5.__path__[0])
    for path in package.rglob("*.py"):
        if path.parent.name in ("core", "kernels"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            assert not any(name.startswith("raggedh5.kernels") for name in names), path


def test_public_names() -> None:
    assert sorted(raggedh5.__all__, key=str) == sorted(set(raggedh5.__all__))
    for name in raggedh5.__all__:
        assert hasattr(raggedh5, name)
    assert (Path(raggedh5.__path__[0]) / "py.typed").exists()
