"""Write tests/golden/sleep_statistics.json: what YASA says of random nights.

Needs its own environment: ``pip install yasa==0.8.1``; the gateway is not imported.
"""

import json
import math
import random
import sys
from pathlib import Path

import yasa

GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "sleep_statistics.json"
LABELS = {"W": "WAKE", "1": "N1", "2": "N2", "3": "N3", "R": "REM"} | {
    "A": "ART",
    "U": "UNS",
}
SEED = 20260212


def nights() -> list[str]:
    """Return hypnograms, one letter per epoch: whole, broken and degenerate ones."""
    dice = random.Random(SEED)  # noqa: S311 -- a golden file wants the same dice
    fixed = [*LABELS, "WW", "WR", "RW", "2A2", "2AW", "2UW2", "AUAU", "W" * 960]
    fixed += ["2" * 960, "U" * 30, "W" * 9 + "2" * 9 + "W2" * 5, "W" * 9 + "2" * 10]
    return fixed + [
        _walk(dice, n_epochs, alphabet, stay)
        for n_epochs in (2, 3, 7, 20, 61, 240, 960)
        for alphabet in ("W123R", "W123RAU", "W2", "WAU", "123R", "123RAU", "W1R")
        for stay in (0.0, 0.5, 0.8, 0.95)
    ]


def _walk(dice: random.Random, n_epochs: int, alphabet: str, stay: float) -> str:
    night = dice.choice(alphabet)
    while len(night) < n_epochs:
        night += night[-1] if dice.random() < stay else dice.choice(alphabet)
    return night


def statistics(night: str) -> dict[str, float | None]:
    """Ask YASA."""
    hypnogram = yasa.Hypnogram([LABELS[letter] for letter in night], n_stages=5)
    said = hypnogram.sleep_statistics()
    return {
        name: None if math.isnan(value) else float(value)
        for name, value in said.items()
    }


def main() -> None:
    """Write the file, or fail on the wrong YASA."""
    if yasa.__version__ != "0.8.1":
        sys.exit(f"yasa {yasa.__version__}, not 0.8.1: its definitions change")
    cases = [{"night": night, "yasa": statistics(night)} for night in nights()]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    GOLDEN.write_text(f'{{"yasa": "{yasa.__version__}", "cases": [\n{lines}\n]}}\n')
    print(f"{len(cases)} nights in {GOLDEN}")


if __name__ == "__main__":
    main()
