"""Compare the gateway's numbers with those of YASA, scikit-learn and scipy."""

import argparse
import json
import math
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import yasa
from sklearn import metrics

sys.path.insert(0, str(Path(__file__).parents[2]))

from gateway.evaluation.agreement import agreement
from gateway.evaluation.bland_altman import agree_over_nights
from gateway.formats.night_statistics import yasa_statistics
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Refusal, Stage

WANTED = "0.8.1"
AGREE = 0.7  # chance that two scorers do
LABELS = {
    **{stage: stage.value for stage in Stage},
    Stage.W: "WAKE",
    Stage.R: "REM",
    Refusal.LOW_QUALITY: "ART",
    Refusal.GAP: "UNS",
}
ALPHABETS = (
    tuple(LABELS),
    tuple(Stage),
    (Stage.W, Stage.N2),
    (Stage.W, Refusal.LOW_QUALITY, Refusal.GAP),
    tuple(Stage)[1:],
    (*tuple(Stage)[1:], Refusal.LOW_QUALITY, Refusal.GAP),
    (Stage.W,),
    (Refusal.GAP,),
    (Stage.N3,),
)
NO_SIGNAL = {"gap", "warmup", "model_error"}
LENGTHS = (1, 2, 3, 7, 9, 10, 11, 20, 61, 240, 960)
Night = list[Stage | Refusal]


def random_night(dice: random.Random) -> Night:
    """Return a walk of any kind: restless or steady, whole, broken or degenerate."""
    alphabet, stay = dice.choice(ALPHABETS), dice.choice((0.0, 0.5, 0.8, 0.95, 0.99))
    night = [dice.choice(alphabet)]
    for _ in range(dice.choice(LENGTHS) - 1):
        night.append(night[-1] if dice.random() < stay else dice.choice(alphabet))
    return night


def hypnogram(night: Night, scorer: str | None = None) -> yasa.Hypnogram:
    """Return what YASA makes of `night`."""
    return yasa.Hypnogram([LABELS[s] for s in night], n_stages=5, scorer=scorer)


def statistics(n_nights: int, dice: random.Random) -> int:
    """Compare all sleep statistics of random nights; return how many values."""
    n_values = 0
    for number in range(n_nights):
        night = random_night(dice)
        said = {
            name: None if math.isnan(value) else float(value)
            for name, value in hypnogram(night).sleep_statistics().items()
        }
        ours = yasa_statistics(summarise(night))
        if ours != said:
            wrong = {k for k in said | ours if said.get(k) != ours.get(k)}
            sys.exit(f"night {number}: {sorted(wrong)}: {said} is not {ours}")
        n_values += len(said)
    return n_values


def epochs(n_pairs: int, dice: random.Random) -> int:
    """Compare accuracy, kappa, F1, precision, recall and confusion; count pairs."""
    n_compared = 0
    for _ in range(n_pairs):
        reference = [
            dice.choice(tuple(Stage)) for _ in range(dice.choice((2, 50, 900)))
        ]
        ours = [
            s if dice.random() < AGREE else dice.choice(tuple(Stage)) for s in reference
        ]
        found = agreement(ours, reference)
        names = [stage.value for stage in Stage]
        y_true, y_ours = [s.value for s in reference], [s.value for s in ours]
        confusion = metrics.confusion_matrix(y_true, y_ours, labels=names)
        np.testing.assert_array_equal(found.confusion, confusion)
        same(found.accuracy, metrics.accuracy_score(y_true, y_ours))
        same(found.kappa, metrics.cohen_kappa_score(y_true, y_ours, labels=names))
        precision, recall, f1, n = metrics.precision_recall_fscore_support(
            y_true, y_ours, labels=names, zero_division=np.nan
        )
        for i, of in enumerate(found.stages.values()):
            same(of.precision, precision[i])
            same(of.recall, recall[i])
            if of.precision is not None and of.recall is not None:
                same(of.f1, f1[i])
            assert of.n_reference == n[i]
        n_compared += 1
    return n_compared


def yasa_epochs(dice: random.Random) -> None:
    """Compare with YASA's EpochByEpochAgreement on a few nights."""
    reference = [[dice.choice(tuple(Stage)) for _ in range(300)] for _ in range(4)]
    ours = [
        [s if dice.random() < AGREE else dice.choice(tuple(Stage)) for s in night]
        for night in reference
    ]
    peer = yasa.EpochByEpochAgreement(
        [hypnogram(n, "psg") for n in reference], [hypnogram(n, "ours") for n in ours]
    )
    table = peer.get_agreement()
    by_stage = peer.get_agreement_bystage()
    for i, (mine, its) in enumerate(zip(ours, reference, strict=True)):
        found = agreement(mine, its)
        row = table.iloc[i]
        same(100 * found.accuracy, row["accuracy"])
        same(found.kappa, row["kappa"])
        session = table.index[i]
        for stage, of in found.stages.items():
            of_yasa = by_stage.loc[LABELS[stage], session]
            same(100 * of.f1, of_yasa["fbeta"])
            same(100 * of.recall, of_yasa["recall"])


def nights(n_sets: int, dice: random.Random) -> int:
    """Compare bias, limits and flags with SleepStatsAgreement; return how many sets."""
    gauss = np.random.default_rng(dice.randrange(2**32))
    for _ in range(n_sets):
        n = dice.choice((4, 8, 20, 60))
        slope, spread = dice.choice((0, 0, 0.3, -0.5)), dice.choice((0, 0, 0.2))
        reference = gauss.uniform(50, 500, n)
        noise = gauss.normal(0, 10 + spread * reference)
        ours = reference + 5 + slope * (reference - reference.mean()) + noise
        peer = yasa.SleepStatsAgreement(
            pd.DataFrame({"TST": reference}), pd.DataFrame({"TST": ours})
        )
        found = agree_over_nights(ours.tolist(), reference.tolist())
        assert found is not None
        row = peer.summary(ci_method="param", sleep_stats=["TST"]).loc["TST"]
        for name, interval in (
            ("bias_mean", found.bias),
            ("loa_lower", found.lower_limit),
            ("loa_upper", found.upper_limit),
        ):
            same(interval.value, row[name, "center"])
            same(interval.lower, row[name, "lower"])
            same(interval.upper, row[name, "upper"])
        passed = peer.assumptions.loc["TST"].xs("passed", level="metric")
        assert found.normal == passed["normal"]
        assert found.proportional_bias != passed["constant_bias"]
        assert found.heteroscedastic != passed["homoscedastic"]
    return n_sets


def same(ours: float | None, theirs: float) -> None:
    """Fail unless the two are one number."""
    if ours is None:
        assert math.isnan(theirs), theirs
    elif math.isnan(theirs):
        raise AssertionError(f"{ours} where the peer has none")
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def reported(path: Path) -> None:
    """Compare the statistics in a ``night.v1`` with YASA's of its stages, by name."""
    document = json.loads(path.read_bytes())
    first, end = document["in_bed"] or (0, document["n_epochs"])
    names = {"W": "WAKE", "N1": "N1", "N2": "N2", "N3": "N3", "REM": "REM"}
    for key, of in (("stage", "live"), ("final_stage", "final")):
        labels = [
            names.get(epoch[key]) or ("UNS" if epoch["reason"] in NO_SIGNAL else "ART")
            for epoch in document["epochs"][first:end]
        ]
        said = yasa.Hypnogram(labels, n_stages=5).sleep_statistics()
        ours = document["statistics"][of]["yasa"]
        for name in said.keys() | ours.keys():
            theirs = float(said[name])
            if ours[name] != (None if math.isnan(theirs) else theirs):
                sys.exit(f"{path}: {of} {name} is {ours[name]}, YASA says {theirs}")
        print(f"{of}: {len(said)} statistics of {len(labels)} epochs equal YASA's")


def main() -> None:
    """Run all comparisons; the first that fails ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--night", type=Path, help="only this night.v1, as reported")
    parser.add_argument("--nights", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=20260213)
    options = parser.parse_args()
    if yasa.__version__ != WANTED:
        sys.exit(f"yasa {yasa.__version__}, not {WANTED}: its definitions change")
    warnings.simplefilter("ignore")  # of peers about degenerate nights
    if options.night is not None:
        reported(options.night)
        return
    dice = random.Random(options.seed)  # noqa: S311 (the same nights for everybody)
    n_values = statistics(options.nights, dice)
    print(f"sleep statistics: {options.nights} nights, {n_values} values, all equal")
    print(f"epoch agreement: {epochs(200, dice)} pairs equal scikit-learn's")
    yasa_epochs(dice)
    print("epoch agreement: 4 nights equal YASA's EpochByEpochAgreement")
    print(f"bias and limits: {nights(60, dice)} sets equal YASA's SleepStatsAgreement")


if __name__ == "__main__":
    main()
