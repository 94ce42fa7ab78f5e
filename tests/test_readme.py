"""The README: its Python runs as it stands, and the commands that others rely on are there."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("anndata", "awkward"):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?",
        README.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    names: dict[str, object] = {}
    for code, printed in blocks:
        exec(compile(code, str(README), "exec"), names)
        assert capsys.readouterr().out == printed
    array, row = names["array"], names["row"]
    assert len(blocks) == 6
    assert len(array) == 64  # type: ignore[arg-type]
    assert row.shape == (13, 3)  # type: ignore[attr-defined]


def test_commands_are_there() -> None:
    text = README.read_text()
    assert "pip install . && raggedh5 pack examples/molecules.npz molecules.h5\n" in text
    assert "pip install '.[test]' && pytest -n 2\n" in text
