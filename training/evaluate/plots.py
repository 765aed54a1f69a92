"""The figures that say more than a number: confusion, reliability, risk."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluate.intervals import (
    ScoredEpochs,
    agreement,
    reliability,
    risk_coverage,
)
from training.evaluate.metrics import NAMES

INCH = 4.2
DARK = 0.5  # of the colour scale: white figures above it


def draw(folder: Path, name: str, title: str, judged: ScoredEpochs) -> list[Path]:
    """Write ``NAME-{confusion,reliability,risk}.png`` into `folder`.

    Parameters
    ----------
    folder : Path
        Made if absent.
    name, title : str
        Of the files; above each picture, with what the figures come from.
    judged : ScoredEpochs
    """
    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        "confusion": _confusion,
        "reliability": _reliability,
        "risk": _risk,
    }
    paths = []
    for what, painter in pictures.items():
        figure = Figure((INCH, INCH), layout="constrained")
        axes = figure.add_subplot()
        painter(axes, judged)
        axes.set_title(title, fontsize=8, wrap=True)
        path = folder / f"{name}-{what}.png"
        figure.savefig(path, dpi=150, metadata={"Software": None})
        paths.append(path)
    return paths


def _confusion(axes: Axes, judged: ScoredEpochs) -> None:
    counts = agreement(judged).confusion
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if share[row, column] > DARK else "black"
        text = f"{100 * share[row, column]:.0f} %\n{count}"
        axes.text(column, row, text, ha="center", va="center", c=colour, fontsize=7)
    axes.set_xticks(range(len(NAMES)), NAMES)
    axes.set_yticks(range(len(NAMES)), NAMES)
    axes.set_xlabel("scored")
    axes.set_ylabel("expert (rows sum to 100 %)")


def _reliability(axes: Axes, judged: ScoredEpochs) -> None:
    counts, confidence, right = reliability(judged)
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.plot(confidence, right, "o-", markersize=4)
    share = counts / counts.sum()
    axes.bar(confidence, share, width=0.03, color="tab:orange", alpha=0.5)
    axes.set_xlabel("confidence (orange: share of epochs)")
    axes.set_ylabel("fraction right")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


def _risk(axes: Axes, judged: ScoredEpochs) -> None:
    coverage, risk = risk_coverage(judged)
    axes.plot(coverage, risk)
    axes.set_xlabel("coverage: fraction of labelled epochs scored")
    axes.set_ylabel("risk: fraction of those wrong")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, max(0.05, float(risk.max()) * 1.05))
