"""``python -m training all``: from the feature tables to the file that ships.

``python -m training sleep-edf`` trains on Sleep-EDF itself, ``python -m training
evaluate`` judges any model by any labelled recordings.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from gateway.__main__ import complain
from gateway.errors import GatewayError
from training.surrogates.nights import make_nights

if TYPE_CHECKING:
    import click


def main() -> None:
    """Run the steps asked for; without the extra they need, say so."""
    try:
        _run()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA:
            raise
        sys.exit(f"needs {package}: pip install '.[training]'")


def _run() -> None:
    if sys.argv[1:2] and sys.argv[1] in APART:
        _run_apart(sys.argv[1])
    options = _options()
    for step in STEPS if options.step == "all" else (options.step,):
        (STEPS | ALONE)[step](options)


def _run_apart(name: str) -> NoReturn:
    """Run a command that has options of its own; an expected failure is one line."""
    command: click.Command = import_module(APART[name]).command
    try:
        command.main(sys.argv[2:], prog_name=f"python -m training {name}")
    except GatewayError as error:
        sys.exit(complain(error))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("step", choices=[*STEPS, *ALONE, "all"])
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--work", type=Path, required=True, help="4 GB of scratch")
    parser.add_argument("--out", type=Path, required=True, help="the model file")
    parser.add_argument("--nights", type=int, help="to train on; all by default")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=1, help="of the training")
    parser.add_argument("--workers", type=int, default=2, help="processes that make")
    return parser.parse_args()


def _nights(options: argparse.Namespace) -> None:
    # of one seed: runs of several seeds are compared on the same nights
    make_nights(options.data, options.work, 1, options.workers, options.nights)


def _train(options: argparse.Namespace) -> None:
    # oneDNN's convolutions corrupt memory where one graph has several batch sizes
    # (tensorflow-cpu 2.21.0); read when TensorFlow is imported
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    from training.network.schedule import Schedule  # noqa: PLC0415 (with it)
    from training.network.sources import read_training_data  # noqa: PLC0415 (slow)
    from training.network.train import train  # noqa: PLC0415 (slow)

    schedule = Schedule(steps=options.steps, seed=options.seed)
    data = read_training_data(options.data, options.work, options.nights, schedule)
    began = time.monotonic()
    run = train(data, schedule, options.work / "run.npz")
    np.savez(options.work / "weights.npz", **run.best)
    surrogates, pieces, _, patients = data.sources
    note = asdict(schedule) | {
        "surrogates": len(surrogates.stages),
        "real_pieces": len(pieces.stages),
        "real_epochs": len(patients.stages),
        "nights": options.nights,
        "kappa_along_the_way": run.curve,
        "seconds": round(time.monotonic() - began),
    }
    (options.work / "train.json").write_text(json.dumps(note))


def _export(options: argparse.Namespace) -> None:
    from training.quantise.package import package  # noqa: PLC0415 (slow to import)

    options.out.parent.mkdir(parents=True, exist_ok=True)
    made = package(options.data, options.work, options.out.stem, options.seed)
    options.out.write_bytes(made)


def _context(options: argparse.Namespace) -> None:
    from training.quantise.add_context import add_context  # noqa: PLC0415 (slow to import)

    package, source = options.out.read_bytes(), str(options.out)
    made = add_context(
        package,
        source,
        data=options.data,
        work=options.work,
        n_nights=options.nights,
        seed=options.seed,
    )
    options.out.write_bytes(made)
    print(f"{options.out}: {len(made)} bytes")


def _float(options: argparse.Namespace) -> None:
    from training.quantise.export import convert_float, fold  # noqa: PLC0415 (slow to import)

    with np.load(options.work / "weights.npz") as archive:
        options.out.write_bytes(convert_float(fold(dict(archive))))


STEPS: dict[str, Callable[[argparse.Namespace], None]] = {
    "nights": _nights,
    "train": _train,
    "export": _export,
    "context": _context,
}
APART = {
    "sleep-edf": "training.sleep_edf.commands",
    "evaluate": "training.evaluate.command",
    "bias": "training.quantise.bias_command",
}
EXTRA = {"flatbuffers", "matplotlib", "scipy", "sklearn", "tensorflow"}
ALONE = {"float": _float}  # a peer for the benchmark, not part of what ships

if __name__ == "__main__":
    main()
