"""One plot a figure: the contenders as bars, and every round as a dot."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from bench.figure import Figure
from bench.targets import OURS

OUR_COLOUR, THEIR_COLOUR = "#c0392b", "#95a5a6"


def draw(figure: Figure, directory: Path) -> str:
    """Write a plot and return its name."""
    times = figure.timed
    rounds = {
        name: [wall * 1e3 for wall in entry["wall"]] if times else figure.rates(name)
        for name, entry in figure.contenders.items()
    }
    middle = {name: figure.seconds(name) * 1e3 if times else figure.rate(name) for name in rounds}
    names = list(rounds)
    if not figure.key.startswith("scaling"):
        names.sort(key=middle.__getitem__, reverse=times)
    canvas, axes = plt.subplots(figsize=(7, 0.8 + 0.32 * len(names)))
    colours = [OUR_COLOUR if name.startswith(OURS) else THEIR_COLOUR for name in names]
    axes.barh(names, [middle[name] for name in names], color=colours)
    for place, name in enumerate(names):
        axes.plot(rounds[name], [place] * len(rounds[name]), ".", color="black", markersize=2)
        axes.annotate(f" {middle[name]:.3g}", (max(rounds[name]), place), va="center", fontsize=8)
    if figure.ideal and not times:
        nbytes = max(entry["bytes"] for entry in figure.contenders.values())
        seconds = sorted(figure.ideal_seconds())
        rate = nbytes / seconds[len(seconds) // 2] / 1e6
        axes.axvline(rate, color="black", linestyle=":", linewidth=1)
        axes.annotate("ideal", (rate, 0), rotation=90, fontsize=8, va="bottom", ha="right")
    axes.set_xlabel("ms, less is better" if times else "MB/s of valid data, more is better")
    axes.set_title(figure.title, fontsize=9)
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    canvas.tight_layout()
    name = f"{figure.key}.png"
    canvas.savefig(directory / name, dpi=110, metadata={"Software": None})
    plt.close(canvas)
    return name
