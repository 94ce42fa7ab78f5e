"""What raggedh5 sets out to do, as figures."""

from __future__ import annotations

from bench.target import (
    OURS,
    Figures,
    Target,
    dearer,
    extra_memory,
    growth,
    larger,
    microseconds_more,
    milliseconds,
    of_ideal,
    quotient,
    ratio,
    slower_of,
    smaller,
)

__all__ = ["OURS", "TARGETS"]

CRYSTALS, DRAWN = "crystal-write-memory", "crystal-read-memory"


def best_h5py_draw(figures: Figures) -> str:
    """Return the flat h5py file whose chunk size reads random rows soonest."""
    figure = figures["random-batch-memory"]
    names = [name for name in figure.contenders if name.startswith("h5py-flat-")]
    return min(names, key=figure.seconds)


def _writes(kind: str, text: str) -> list[Target]:
    figure = f"write-{kind}-memory"
    vlen = "beside h5py row by row"
    return [
        ratio(f"write {text}, {vlen}", figure, "h5py-vlen-row", 200),
        ratio(f"write {text}, beside the best of h5py", figure, "h5py-flat", 3),
    ]


def _reads(kind: str, text: str) -> list[Target]:
    figure = f"read-{kind}-memory"
    return [
        ratio(f"read {text}, beside the best of h5py", figure, "h5py-flat", 2),
        ratio(f"read {text}, beside Parquet", figure, "parquet", 1),
        ratio(f"read {text}, beside compressed Arrow IPC", figure, "arrow-ipc", 1),
    ]


def _random(kind: str, text: str, goal: float) -> list[Target]:
    small, large = f"random-{kind}-memory", f"random-{kind}-large-memory"
    same, old = "h5py-same-file", "h5py-same-file-1m"
    return [
        ratio(f"{text}, beside h5py on the same file", small, same, goal),
        ratio(f"{text}, beside h5py with HDF5 1.14's cache", small, old, goal),
        ratio(f"{text} of a large file, beside h5py on it", large, same, goal),
    ]


def _trajectories(kind: str, text: str) -> list[Target]:
    write, frame = f"trajectory-write-{kind}-memory", f"trajectory-frame-{kind}-memory"
    read, memory = f"trajectory-read-{kind}-memory", f"trajectory-memory-{kind}-memory"
    single = (OURS, f"{OURS}-npy")
    return [
        *(
            Target(
                f"{text}: a call of write_frame, {name}, more than copying the frame",
                frame,
                microseconds_more(frame, "copy", part),
                3,
                " us",
                at_most=True,
            )
            for part, name in [
                ("mean", "mean"),
                ("median", "median"),
                ("p99", "99th percentile"),
            ]
        ),
        ratio(f"{text}: whole run, beside h5py frame by frame", write, "h5py-frame", 100),
        ratio(f"{text}: whole run, beside h5py, 1,000 frames and gzip", write, "h5py-gzip", 10),
        Target(
            f"{text}: HDF5 and NPY at once, times the slower one",
            write,
            slower_of(write, single, f"{OURS}-both"),
            1.3,
            at_most=True,
        ),
        Target(
            f"{text}: bytes of the file to 1e-4 bohr, beside gzip",
            write,
            lambda figures: figures[write].size_ratio(f"{OURS}-1e-4", "h5py-gzip"),
            0.35,
            at_most=True,
        ),
        ratio(f"{text}: every 10th frame, beside h5py on gzip", read, "h5py-gzip", 5),
        *(
            Target(
                f"{text}: four times the frames, more memory, {name}",
                memory,
                growth(memory, contender),
                8,
                " MiB",
                at_most=True,
            )
            for contender, name in [(OURS, "HDF5"), (f"{OURS}-both", "HDF5 and NPY")]
        ),
    ]


TARGETS = [
    *_writes("numbers-64", "numbers"),
    Target(
        "write numbers, share of the ideal",
        "write-numbers-64-memory",
        of_ideal("write-numbers-64-memory"),
        85,
        "%",
    ),
    Target(
        "memory while writing, above the batches",
        "write-numbers-64-memory",
        extra_memory("write-numbers-64-memory"),
        64,
        " MiB",
        at_most=True,
    ),
    *_writes("lists-64", "with text as lists"),
    *_writes("unicode-64", "with text as arrays"),
    *_reads("numbers-64", "numbers"),
    *_reads("lists-64", "with text"),
    *_random("batch", "64 random rows", 15),
    Target(
        "64 random rows",
        "random-batch-memory",
        milliseconds("random-batch-memory", OURS),
        5,
        " ms",
        at_most=True,
    ),
    Target(
        "64 random rows, beside h5py with the chunk size that suits it best",
        "random-batch-memory",
        lambda figures: figures["random-batch-memory"].speedup(OURS, best_h5py_draw(figures)),
        4,
    ),
    *_random("row", "one random row", 10),
    *(
        ratio(f"dense, {text}, beside h5py", figure, "h5py-flat", 3)
        for text, figure in [
            ("written at once", "dense-write-memory"),
            ("appended", "dense-append-memory"),
            ("read", "dense-read-memory"),
        ]
    ),
    Target(
        "100 times the rows: what a row costs more",
        "scaling-memory",
        dearer("scaling-memory"),
        10,
        "%",
        at_most=True,
    ),
    Target(
        "100 times the rows: more memory",
        "scaling-memory",
        growth("scaling-memory"),
        4,
        " MiB",
        at_most=True,
    ),
    *(
        quotient(f"durable, a flush a batch: {text}, beside none", f"durable-{kind}-memory", *pair)
        for kind, text in [("numbers-64", "numbers"), ("lists-64", "with text")]
        for pair in [("durable-process", OURS, 0.5)]
    ),
    Target(
        "durable, a flush a batch: more bytes in the file",
        "durable-numbers-64-memory",
        larger("durable-numbers-64-memory", "durable-process"),
        10,
        "%",
        at_most=True,
    ),
    *(
        quotient(f"check a file ({text}), beside reading it", f"validate-{kind}-memory", *pair)
        for kind, text in [("numbers-64", "numbers"), ("lists-64", "text")]
        for pair in [("validate-child", "read", 0.7)]
    ),
    *(
        quotient(f"{name} {text}, {where}, beside cp", f"copying-{where}", name, other, 0.5)
        for where in ("memory", "disk")
        for name, text, other in [
            ("copy", "a file", "cp"),
            ("tables", "all tables", "cp"),
            ("repack", "without another codec", "cp"),
            ("merge", "where chunks line up", "cp-halves"),
        ]
    ),
    ratio("write crystals, beside the pipelines' writer", CRYSTALS, "h5py-vlen", 150),
    ratio("write crystals, beside the best of h5py", CRYSTALS, "h5py-flat", 3),
    Target(
        "crystals: bytes of the file, beside the pipelines'",
        CRYSTALS,
        lambda figures: figures[CRYSTALS].size_ratio(OURS, "h5py-vlen"),
        0.5,
        at_most=True,
    ),
    ratio("64 random crystals, padded, beside the old layout", DRAWN, "h5py-vlen", 15),
    ratio(
        "100,000 structures as JSON, packed, beside h5py's group each",
        "json-write-memory",
        "h5py-groups",
        20,
    ),
    quotient(
        "create_and_populate, packed, beside groups",
        "json-write-memory",
        "create-packed",
        "create-groups",
        20,
    ),
    Target(
        "the packed file, times smaller",
        "json-write-memory",
        smaller("json-write-memory", "h5py-groups"),
        5,
    ),
    ratio("one structure of 100,000, packed", "random-json-memory", "h5py-groups", 1),
    Target(
        "merge --virtual, 100 parts with a million rows",
        "virtual-memory",
        lambda figures: figures["virtual-memory"].seconds("merge-virtual"),
        2,
        " s",
        at_most=True,
    ),
    *_trajectories("md", "dynamics"),
    *_trajectories("kmc", "kinetic Monte Carlo"),
]
