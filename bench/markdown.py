"""The page: what was measured, on what, with which command."""

from __future__ import annotations

from statistics import median

from bench.figure import Figure
from bench.targets import OURS, TARGETS
from bench.workload import WORKLOADS

HEAD = """\
# Benchmarks

raggedh5 beside the ways people store ragged batches now. Every contender does the same work: a
timed write opens, appends every batch and closes; a timed read opens and makes every column a
NumPy array. What each wrote is read back and compared with the batches, what raggedh5 wrote by
h5py and hdf5plugin alone.

The contenders take turns in one process, in an order drawn anew for each round; figures are medians
of the rounds, and a ratio is the median of the ratios within each round. MB/s are of valid data
(10^6 bytes of the values that the masks keep, before compression and without offsets). On disk
every write is timed until fsync returns. Peak memory is that of a process of its own, above what it
held before it began to write (or read: the arrays that it returns are then part of it).
"""


FLOOR = """\
## How far from the floor

The floor of a write is the *ideal* that stands below its table: a memcpy of the kept bytes, c-blosc
on all cores, and `write()`, one after the other; for crystal structures also one look at each
`str`. That of a read is `pread()` of the stored bytes,
and c-blosc on all cores into an array made for them. The last column of the targets says how the
ideal itself compares: where it stays below a target, that takes overlapping its parts, or doing
less. h5py does the same work in one thread, so that two cores can at best halve its time, and the
rest must come from work that is not done at all. raggedh5 overlaps the parts, and compresses less
(planes and chunks that hardly shrink are stored as they are); what fills the gap is below.
`python -m bench.breakdown` gives it.

{breakdowns}

- Storing is the kernel's: it finds pages for the file and copies into them. HDF5 lets in one thread
  at a time; a thread of its own for storing was tried twice, by way of h5py and by HDF5's C
  functions without the GIL. Either lost as much in handing over locks as it saved. So did setting
  space aside (`fallocate`) in a coding thread ahead of what is stored: on tmpfs the two wait for
  the same lock of the file, and on disk it gained 5%.
- Packing is bound by memory: the rows of a padded batch are far apart, and each is touched once.
- Text is bound by Python's objects: each `str` is looked at, wherever it lies. Threads that have
  nothing to do help, and so with the numbers, while the appending one holds the GIL.
- What a file costs however small it is, its datasets and their attributes, is paid once: it is the
  larger share of a small file. The figures of scaling show it. Most of it is HDF5's own: an empty
  dataset with two attributes takes it 70 microseconds.

A read is bound by memory as well: the pages of the result are touched for the first time while it
is decoded, which takes about as long as the decoding. On a virtual machine that hands freed memory
back to its host, as this one does, a page may then cost ten times as much, and which contender
meets such pages is chance. The widest ranges of rounds come from that, above all those of reading
and of dense arrays, where memory and disk change places from one run of this page to the next.

Durable writing writes everything twice: rows to the journal as they are, with a checksum, and
chunks to the file. What is more, chunks wait in memory from one checkpoint to the next, every 32
MiB, so that the threads that compress have nothing to do while the one that appends stores them;
and a checkpoint compresses and stores all last chunks, which HDF5 puts where the last ones were, so
that they pass through the journal as well. A run of 60 MB also pays for the memory that these
chunks are held in; one of 240 MB loses less (0.53 to 0.56 times the speed of one that is not
durable, where this page's has 0.50 to 0.53). With `durable="disk"` every flush is an fsync, which
takes the disk of this machine 0.3 ms.

Crystal structures have 145 fields here, 28 of them text, and a batch of 64 brings 20 kB a field in
13 calls. On two cores the ideal is about three times as fast as plain h5py, which has the same
strings to look at and one chunk to fill for each field as well, in one thread. What fills the gap
to the ideal: checks of batches and Python's cost of a call and of a field, about half of what the
appending thread does; storing, which HDF5 does in that thread; 194 datasets with their attributes;
and the memory of one chunk for each of them, half a megabyte, which is touched for the first time
in every run.

A trajectory comes a frame at a time, and is made safe from a kill every 500 frames, while the h5py
writers beside it never flush. What fills the gap to its ideal, of which the terms overlap here: the
loop that calls `write_frame`, a microsecond a frame, during which the thread in the background has
no interpreter lock; and its own half a millisecond of Python for a flush of six datasets, during
which the loop has none. Both formats at once are bound by the two cores: compressing, two files'
worth of new pages, and the loop take 0.8 seconds of them for 0.48 GB.

Checking a file takes no longer than reading it, also in the child process that suspect files are
read in. Only the first check of a program starts the process that these children are forked from:
that takes a third of a second, most of it to import NumPy, h5py and this library.

What is compared with h5py depends on the version of HDF5. From 2.0 on it keeps 8 MiB of decoded
chunks for each dataset (1 MiB before), so that small files are served from memory;
*h5py-same-file-1m* and the larger files show rows that are not.
"""


def page(
    figures: dict[str, Figure],
    facts: dict[str, str],
    plots: dict[str, str],
    breakdowns: dict[str, list[list[str]]],
) -> str:
    parts = [HEAD.rstrip(), "## Measured on", rows(["", ""], [[k, v] for k, v in facts.items()])]
    parts += ["Everything on this page: `python -m bench.report`.", "## Targets"]
    parts.append(targets(figures))
    tables = [
        rows([f"the appending thread: {WORKLOADS[kind]}", "ms", "share"], body)
        for kind, body in breakdowns.items()
    ]
    parts.append(FLOOR.format(breakdowns="\n\n".join(tables)).rstrip())
    for key, figure in figures.items():
        parts.append(f"## {figure.title}")
        if key in plots:
            parts.append(f"![{figure.title}]({plots[key]})")
        parts.append(table(figure))
        if figure.ideal:
            parts.append(ideal(figure))
        parts.append(f"{figure.note} `{figure.command}`".strip())
    parts += ["## The contenders", contenders(figures)]
    return "\n\n".join(parts) + "\n"


def rows(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def targets(figures: dict[str, Figure]) -> str:
    body = []
    for target in TARGETS:
        try:
            value = target.value(figures)
        except (KeyError, ValueError):  # measured without raggedh5, or not at all
            continue
        sign = "at most" if target.at_most else "at least"
        goal = f"{sign} {target.goal:g}{target.unit}"
        verdict = "yes" if target.met(value) else "no"
        ideal = target.ideal(figures)
        best = "" if ideal is None else f"{ideal:.3g}{target.unit}"
        body.append([target.text, goal, f"{value:.3g}{target.unit}", verdict, best])
    return rows(["", "target", "measured", "met", "the ideal"], body)


def table(figure: Figure) -> str:
    if figure.key.startswith("trajectory-frame"):
        return _calls(figure)
    if figure.timed:
        return _latencies(figure)
    body = []
    base = OURS if OURS in figure.contenders else next(iter(figure.contenders))
    for name, entry in figure.contenders.items():
        share = f"1/{entry['fewer']}" if entry.get("fewer", 1) > 1 else ""
        body.append(
            [
                name,
                f"{figure.rate(name):.1f}",
                _span(figure.rates(name)),
                f"{figure.speedup(base, name):.2f}" if base in figure.contenders else "",
                f"{median(entry['cpu']):.3f}" + (f" ({share} of the data)" if share else ""),
                _size(entry),
                f"{entry['peak'] / 2**20:.0f}" if "peak" in entry else "",
            ]
        )
    head = ["", "MB/s", "rounds", f"{base} is so many times as fast", "CPU s"]
    return rows([*head, "file / data", "peak MiB"], body)


def _latencies(figure: Figure) -> str:
    base = OURS if OURS in figure.contenders else next(iter(figure.contenders))
    body = [
        [
            name,
            f"{figure.seconds(name) * 1e3:.3g}",
            _span([wall * 1e3 for wall in entry["wall"]]),
            f"{figure.speedup(base, name):.2f}",
            f"{entry['size'] / 1e6:.1f}",
        ]
        for name, entry in figure.contenders.items()
    ]
    return rows(["", "ms", "rounds", f"{base} is so many times as fast", "file MB"], body)


def _calls(figure: Figure) -> str:
    """Return what calls take, in microseconds: the rounds are those of the mean."""
    body = []
    for name, entry in figure.contenders.items():
        parts = [median(entry[part]) * 1e6 for part in ("mean", "median", "p99", "longest", "step")]
        span = _span([wall * 1e6 for wall in entry["wall"]])
        more = median(figure.more(name, "copy", "mean")) * 1e6
        body.append([name, *(f"{part:.3g}" for part in parts), span, f"{more:.3g}"])
    head = ["", "mean, us", "median", "99th percentile", "longest", "a whole step"]
    return rows([*head, "rounds", "more than a copy"], body)


def ideal(figure: Figure) -> str:
    terms = ", ".join(f"{term} {median(wall) * 1e3:.1f}" for term, wall in figure.ideal.items())
    total = median(figure.ideal_seconds())
    text = f"The ideal, in ms: {terms}; together {total * 1e3:.1f}"
    if OURS in figure.contenders:
        text += f", and {OURS} {figure.seconds(OURS) * 1e3:.1f}: "
        text += f"{figure.of_ideal(OURS) * 100:.0f}% of the ideal rate"
    return text + "."


def contenders(figures: dict[str, Figure]) -> str:
    found = {}
    for figure in figures.values():
        found |= {
            name: entry["what"] for name, entry in figure.contenders.items() if "what" in entry
        }
    return rows(["", ""], [[name, what] for name, what in found.items() if what])


def _span(values: list[float]) -> str:
    return f"{min(values):.3g} to {max(values):.3g}"


def _size(entry: dict) -> str:
    return f"{entry['size'] / entry['bytes']:.2f}" if "size" in entry else ""
