"""What the writers in these tests write: three tables of six columns, an array, and more later."""

import random
from pathlib import Path

import h5py
import numpy as np

import raggedh5 as rh5

__all__ = ["TABLES", "Story", "check"]

TABLES = ("atoms", "bonds", "run/frames")
WORDS = np.array(["", "C", "H", "Cl", "µ€", "N" * 30], dtype=object)
SYMBOLS = np.array([f"{word}{n}" for word in WORDS for n in range(40)], dtype=object)
"""So many that new ones come to the dictionary all along."""


class Story:
    """A sequence of appends and flushes that is the same for the same seed.

    Parameters
    ----------
    seed
        Which story.
    steps
        Appends in it.
    rows
        Most rows of a batch.
    flushes
        Share of the appends that a flush follows, of everything or of rows.
    """

    def __init__(self, seed, steps=50, rows=12, flushes=0.5):
        self.seed = seed
        draw = random.Random(seed)
        self.steps = [
            (
                draw.choice([*TABLES, "image"]),
                draw.randint(1, rows),
                draw.choice([flush, flush_rows]) if draw.random() < flushes else None,
            )
            for _ in range(steps)
        ]
        self.chunk_bytes = draw.choice([500, 4000, 9000, 1 << 16])

    def batch(self, step):
        """Return what a step appends: the data and their lengths, or a block of an array."""
        name, rows, _ = self.steps[step]
        rng = np.random.default_rng([self.seed, step])
        if name == "image":
            return rng.integers(0, 999, (rows, 3, 4), "u2"), None
        lengths = rng.integers(0, 7, rows)
        missing = rng.random((rows, 7)) < 0.3
        data = {
            "coords": rng.normal(size=(rows, 7, 3)).astype("f4"),
            "charge": rng.integers(-9, 9, (rows, 7), "i1"),
            "symbol": rng.choice(SYMBOLS, (rows, 7)),
            "label": rng.choice(WORDS, (rows, 7)),
            "weight": np.ma.MaskedArray(rng.normal(size=(rows, 7)), missing),
            "linked": rng.random((rows, 7)) < 0.5,
        }
        return data, lengths

    def tell(self, file, acknowledge=lambda step: None, patience=None):
        """Append everything that is not there yet; call `acknowledge` with the steps that are safe.

        `patience`, if given, is called with each `WriteError`; then the step is tried again.
        """
        if "atoms" not in file:
            columns = {
                "coords": ("f4", (3,)),
                "charge": "i1",
                "symbol": rh5.Column("str", dictionary=True),
                "label": rh5.Column("str", dictionary=False),
                "weight": rh5.Column("f8", nullable=True),
                "linked": "?",
            }
            for name in TABLES[:2]:
                file.create_table(name, columns)
            file.create_array("image", (0, 3, 4), "u2")
        left = {name: len(file[name]) for name in (*TABLES, "image") if name in file}
        for step, (name, rows, flushes) in enumerate(self.steps):
            if left.get(name, 0) > 0:
                left[name] -= rows
                continue
            data, lengths = self.batch(step)
            while True:
                try:
                    if name not in file:  # long after the first flush
                        file.create_table(name)
                    if lengths is None:
                        file[name].append(data)
                    else:
                        file[name].append(data, lengths=lengths)
                    break
                except rh5.WriteError as error:
                    if patience is None:
                        raise
                    patience(error)
            while flushes:
                try:
                    flushes(file)
                    acknowledge(step + 1)
                    break
                except rh5.WriteError as error:
                    if patience is None:
                        raise
                    patience(error)

    def missing(self, file, acknowledged):
        """Return which rows of the first so many steps are not in a file, None if they all are."""
        for name in (*TABLES, "image"):
            least = sum(rows for which, rows, _ in self.steps[:acknowledged] if which == name)
            rows = len(file[name]) if name in file else 0
            if rows < least:
                return f"{name} has {rows} rows, but {least} were acknowledged"
        return None

    def rows(self, name, steps):
        """Return the rows that the first so many steps append to a table, as lists."""
        found = []
        for step in range(steps):
            if self.steps[step][0] != name:
                continue
            data, lengths = self.batch(step)
            if lengths is None:
                found += list(data)
                continue
            for row, n in enumerate(lengths):
                found.append({key: plain(values[row][:n]) for key, values in data.items()})
        return found


def flush(file):
    """Flush everything."""
    file.flush()


def flush_rows(file):
    """Flush what was appended."""
    for _ in file.flushing():
        pass


def plain(values):
    """Return one row of one column so that it can be compared: None where a value is missing."""
    return np.ma.asarray(values).tolist() if isinstance(values, np.ma.MaskedArray) else list(values)


def check(path: Path, story: Story, acknowledged: int) -> str | None:
    """Return what is wrong with a recovered file, None if nothing is.

    Everything that was acknowledged must be there; more may be, but only whole batches, in order.
    """
    with h5py.File(path) as file:  # as it is, without raggedh5
        for name in TABLES:
            if name not in file:
                continue
            group = file[name]
            rows = int(group.attrs["length"])
            if not rows:
                continue
            key = name.rsplit("/", 1)[-1]
            items = int(group[f"{key}-offsets"][rows])
            for column in ("coords", "charge", "symbol", "label", "weight", "linked"):
                buffer, least = next(
                    (f"{column}{part}", items + (part == "-offsets"))
                    for part in ("-index", "-offsets", "-mask", "-data")
                    if f"{column}{part}" in group
                )
                if len(group[buffer]) < least:
                    return f"{name}/{buffer} has {len(group[buffer])} of {least} items"
    with rh5.File(path, threads=1) as file:
        lost = story.missing(file, acknowledged)
        if lost is not None:
            return lost
        for name in (*TABLES, "image"):
            wanted = story.rows(name, len(story.steps))
            if name not in file:
                continue
            item = file[name]
            ends = np.cumsum([0, *(n for which, n, _ in story.steps if which == name)])
            if len(item) not in ends:
                return f"{name} has {len(item)} rows, which is in the middle of a batch"
            wrong = _difference(item, wanted[: len(item)], name)
            if wrong:
                return wrong
    return None


def _difference(item, wanted, name):
    if name == "image":
        same = np.array_equal(item[...], np.array(wanted).reshape(-1, 3, 4))
        return None if same else "image differs"
    if not wanted:
        return None
    batch = item.take(slice(None))
    for key, ragged in batch.items():
        for row, (got, want) in enumerate(zip(ragged, (w[key] for w in wanted), strict=True)):
            got = plain(got)
            if key == "coords":
                got, want = np.array(got).tolist(), np.array(want).tolist()
            if got != want:
                return f"{name}, {key}, row {row}: {got} instead of {want}"
    return None
