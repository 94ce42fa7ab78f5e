"""Columns whose names end in `_mask`, and the masks that `padded` gives to lists."""

import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.errors import SchemaError

SHAPES = [((), ()), ((3,), ()), ((3,), (3,)), ((3, 3), (3,)), ((), (2,))]


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize(("inner", "of_mask"), SHAPES)
def test_padded_batches_go_back_in(path, rng, declared, inner, of_mask):
    values = rng.normal(size=(4, 3, *inner))
    masks = rng.random((4, 3, *of_mask)) < 0.5
    columns = {"x": ("f8", inner), "x_mask": ("?", of_mask)} if declared else None
    with rh5.File(path, "w") as file:
        table = file.create_table("t", columns)
        table.append({"x": values, "x_mask": masks}, lengths=[3, 0, 2, 3])
        table.append(table.padded(slice(None)))
    with rh5.File(path, "a") as file:
        file["t"].append(file["t"].padded([5, 7]))
        found = file["t"].read()
    for name, want in (("x", values), ("x_mask", masks)):
        rows = [want[row, :length] for row, length in ((0, 3), (1, 0), (2, 2), (3, 3))]
        rows += [*rows, rows[1], rows[3]]
        assert all(np.array_equal(a, b) for a, b in zip(found[name], rows, strict=True))


def test_lists_beside_columns_that_are_masks_by_name_alone(path, rng):
    nested = rh5.Column("f8", nested=True)
    columns = {"x": nested, "angle": "f8", "angle_mask": "?", "y_mask": nested}
    groups = np.array([[1, 1], [1, 0]], bool)
    items = np.array([[[1, 1], [1, 0]], [[1, 0], [0, 0]]], bool)
    values = rng.normal(size=(2, 2, 2))
    with rh5.File(path, "w") as file:
        table = file.create_table("t", columns)
        data = {"x": values, "angle": values[..., 0], "angle_mask": groups, "y_mask": values}
        table.append(data, mask=groups, item_masks={"x": items, "y_mask": items})
        padded = table.padded(slice(None))
        assert {"x_mask", "y_mask", "y_mask_mask", "angle_mask"} <= padded.keys()
        table.append(padded)
        found = table.read()
        for column in columns:
            assert found[column].to_list() == 2 * found[column][:2].to_list()


def test_a_first_batch_that_would_make_such_a_column(path):
    lists = rh5.Ragged(rh5.Ragged(np.arange(3), [0, 1, 3]), [0, 1, 2])
    with rh5.File(path, "w") as file:
        table = file.create_table("t")
        with pytest.raises(SchemaError, match="/t: column 'x_mask' would be mistaken"):
            table.append({"x": lists, "x_mask": [[1], [2]]})
        assert len(table) == 0
        table.append({"x": lists, "y_mask": [[1], [2]]})
    with rh5.File(path, "a") as file:
        with pytest.raises(SchemaError, match="column 'x_mask' is unknown"):
            file["t"].append({"x": lists, "y_mask": [[1], [2]], "x_mask": [[1], [2]]})
        assert list(file["t"].columns) == ["x", "y_mask"]
