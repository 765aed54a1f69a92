"""``python -m training evaluate``: how good a model is on anything labelled."""

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gateway.cli.options import CHANNEL
from gateway.models.load import read_model
from gateway.staging.scorers.litert import LiteRtScorer
from training.data.labelled import LabelledNight, find_labelled, read_labelled, without
from training.evaluate.intervals import ScoredEpochs, figures, joined
from training.evaluate.peers import Tree, judge_by_yasa
from training.evaluate.score_nights import score_labelled
from training.evaluate.text import figure_lines
from training.progress import Progress

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("model")
@click.argument("data", type=click.Path(path_type=Path, exists=True), nargs=-1)
@CHANNEL
@click.option("--hypnogram", type=FILE, help="Where it is not beside the recording.")
@click.option("--without", "left_out", multiple=True, help="Leave a channel out.")
@click.option(
    "--pieces",
    type=click.Choice(["mirrored", "mosaic"]),
    default="mirrored",
    help="Make epochs of five-second pieces by mirroring one, or by joining six.",
)
@click.option("--out", type=FILE, help="Folder for figures.json and the pictures.")
@click.option("--tree", type=FILE, help="time_domain.npz: a peer to compare with.")
@click.option("--yasa", type=FILE, help="A python that has yasa 0.8.1: another peer.")
def command(  # noqa: PLR0913 (one for each option)
    *,
    model: str,
    data: tuple[Path, ...],
    channels: dict[str, str] | None,
    hypnogram: Path | None,
    left_out: tuple[str, ...],
    pieces: str,
    out: Path | None,
    tree: Path | None,
    yasa: Path | None,
) -> None:
    """Judge MODEL (`default`, or a package) by DATA: recordings, or folders of them.

    Scored as the daemon would score them. Each DATA is a set with a table of its own.
    """
    if not data:
        raise click.UsageError("name recordings or folders of them")
    if out is not None:
        import_module("training.evaluate.plots")  # now, not at the end
    scorer = read_model(model)
    documents = []
    for where in data:
        paths = find_labelled(where)
        nights = [
            without(
                read_labelled(path, channels, hypnogram, pieces), frozenset(left_out)
            )
            for path in paths
        ]
        judged = _judge_all(nights, scorer, channels, str(where))
        judged |= _peers(nights, tree, yasa)
        document = _document(where, nights, scorer, left_out, judged)
        documents.append(document)
        click.echo("\n".join(_lines(document)))
        if out is not None:
            _draw(out, where, document, judged)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "figures.json").write_text(json.dumps(documents, indent=1))
        click.echo(f"written to {out}", err=True)


def _judge_all(
    nights: Sequence[LabelledNight],
    scorer: LiteRtScorer,
    channels: Mapping[str, str] | None,
    title: str,
) -> dict[str, ScoredEpochs]:
    progress = Progress(title)
    parts: dict[str, list[ScoredEpochs]] = {}
    for number, night in enumerate(nights):
        progress.show(number / len(nights), night.name)
        ours = channels if night.recorded is not None else None
        for name, scored in score_labelled(night, scorer, ours).items():
            parts.setdefault(name, []).append(scored)
    progress.show(1.0)
    return {name: joined(of) for name, of in parts.items()}


def _peers(
    nights: Sequence[LabelledNight], tree: Path | None, yasa: Path | None
) -> dict[str, ScoredEpochs]:
    peers: dict[str, ScoredEpochs] = {}
    if tree is not None:
        peer = Tree(tree, nights)
        name = f"trees on {', '.join(peer.sites)} ({peer.n_subjects} other subjects)"
        peers[name] = joined([peer.judge(night) for night in nights])
    if yasa is not None:
        said = [judge_by_yasa(yasa, night) for night in nights]
        scored = [of for of in said if of is not None]
        name = f"YASA 0.8.1, {len(scored)} of {len(nights)} recordings"
        if scored:
            peers[name] = joined(scored)
        else:
            click.echo(f"{name}: the others are too short or have holes", err=True)
    return peers


def _document(
    where: Path,
    nights: Sequence[LabelledNight],
    scorer: LiteRtScorer,
    left_out: Sequence[str],
    judged: Mapping[str, ScoredEpochs],
) -> dict[str, Any]:
    return {
        "data": where.name,
        "recordings": [night.name for night in nights],
        "labels": "the expert's, of the files named",
        "model": scorer.card.name,
        "digest": scorer.card.digest,
        "runtime": scorer.runtime,
        "without": list(left_out),
        "figures": {name: figures(of) for name, of in judged.items()},
    }


def _lines(document: Mapping[str, Any]) -> list[str]:
    lack = ", without " + ", ".join(document["without"]) if document["without"] else ""
    title = (
        f"{document['data']}: {len(document['recordings'])} recordings{lack}; model "
        f"{document['model']} ({document['digest'][:12]}) on {document['runtime']}; "
        "95 % intervals over subjects"
    )
    lines = [title]
    for name, table in document["figures"].items():
        lines += figure_lines(name, table)
    return lines


def _draw(
    out: Path,
    where: Path,
    document: Mapping[str, Any],
    judged: Mapping[str, ScoredEpochs],
) -> None:
    from training.evaluate.plots import draw  # noqa: PLC0415 (an extra)

    table = document["figures"]["model"]
    title = (
        f"{document['model']} on {where.name}: {table['n_subjects']} subjects, "
        f"{table['n_epochs']} epochs"
    )
    draw(out, where.stem, title, judged["model"])
