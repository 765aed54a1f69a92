"""``python -m training all``: from the feature table to the file that ships.

``python -m training sleep-edf`` trains on Sleep-EDF itself, ``python -m training
evaluate`` judges any model by any labelled recordings.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from gateway.__main__ import complain
from gateway.errors import GatewayError
from gateway.staging.model_card import unpack
from training.generate import EVENNESS, generate
from training.surrogates import N_CANDIDATES

if TYPE_CHECKING:
    import click


def main() -> None:
    """Run the steps asked for."""
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
    parser.add_argument("--work", type=Path, required=True, help="2 GB of scratch")
    parser.add_argument("--out", type=Path, required=True, help="the model file")
    parser.add_argument("--epochs", type=int, default=36_000, help="to train on")
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes that make")
    return parser.parse_args()


def _generate(options: argparse.Namespace) -> None:
    began = time.monotonic()
    generate(options.data, options.work, options.epochs, options.seed, options.workers)
    note = {
        "surrogates": options.epochs,
        "candidates_each": N_CANDIDATES,
        "evenness_of_stages": EVENNESS,
        "seed": options.seed,
        "seconds": round(time.monotonic() - began),
    }
    (options.work / "generate.json").write_text(json.dumps(note))


def _train(options: argparse.Namespace) -> None:
    from training.train import Schedule, train  # noqa: PLC0415 (slow to import)

    schedule = Schedule(passes=options.passes, seed=options.seed)
    began = time.monotonic()
    np.savez(options.work / "weights.npz", **train(options.work, schedule))
    note = asdict(schedule) | {"seconds": round(time.monotonic() - began)}
    (options.work / "train.json").write_text(json.dumps(note))


def _export(options: argparse.Namespace) -> None:
    from training.package import package  # noqa: PLC0415 (slow to import)

    made = package(options.data, options.work, options.seed)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(made)
    print(f"{options.out}: {len(made)} bytes")


def _float(options: argparse.Namespace) -> None:
    from training.export import convert_float, fold  # noqa: PLC0415 (slow to import)

    with np.load(options.work / "weights.npz") as archive:
        options.out.write_bytes(convert_float(fold(dict(archive))))


def _figures(options: argparse.Namespace) -> None:
    from training.evaluate import evaluate  # noqa: PLC0415 (slow to import)
    from training.quantised import Quantised  # noqa: PLC0415

    flatbuffer, _ = unpack(options.out.read_bytes(), str(options.out))
    quantised = Quantised(flatbuffer)
    figures = evaluate(quantised.infer, options.data, options.work)
    for name, agreement in figures.items():
        f1 = " ".join(f"{value:.2f}" for value in agreement.f1)
        print(
            f"{name}: {agreement.n_epochs} epochs, accuracy {agreement.accuracy:.3f}, "
            f"kappa {agreement.kappa:.3f}, F1 W N1 N2 N3 R {f1}"
        )


STEPS = {
    "generate": _generate,
    "train": _train,
    "export": _export,
    "figures": _figures,
}
APART = {
    "sleep-edf": "training.sleep_edf.commands",
    "evaluate": "training.evaluate_command",
}
ALONE = {"float": _float}  # a peer for the benchmark, not part of what ships

if __name__ == "__main__":
    main()
