"""What child processes run: in a module that they can import, as they cannot import tests."""

import os

import numpy as np

from kinds import plain


def check(table, array, want, seed, times=10):
    columns, values = want
    rng = np.random.default_rng(seed)
    for _ in range(times):
        rows = rng.integers(0, 400, 20)
        names = list(rng.choice(sorted(columns), 3, replace=False))
        found = table.take(rows, names)
        for name in names:
            assert plain(found[name]) == [columns[name][i] for i in rows]
        row = int(rows[0])
        assert plain(table[row][names[0]]) == columns[names[0]][row]
        some = rng.integers(0, 300, 9)
        assert np.array_equal(array[some], values[some])
        assert np.array_equal(array[some[0] :, 2:5], values[some[0] :, 2:5])


def in_child(table, array, want, seed):
    check(table, array, want, seed, times=3)
    return os.getpid()


class Rows:
    def __init__(self, table):
        self.table = table

    def __len__(self):
        return len(self.table)

    def __getitem__(self, row):
        return int(self.table[row]["int8"].astype(int).sum())
