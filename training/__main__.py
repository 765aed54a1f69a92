"""``python -m training all``: from the feature table to the file that ships."""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from gateway.staging.model_card import unpack
from training.generate import EVENNESS, generate
from training.surrogates import N_CANDIDATES


def main() -> None:
    """Run the steps asked for."""
    options = _options()
    for step in STEPS if options.step == "all" else (options.step,):
        (STEPS | ALONE)[step](options)


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


def _evaluate(options: argparse.Namespace) -> None:
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
    "evaluate": _evaluate,
}
ALONE = {"float": _float}  # a peer for the benchmark, not part of what ships

if __name__ == "__main__":
    main()
