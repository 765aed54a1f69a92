"""What the second pass changed is told with the night's summary."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from gateway.formats.summary_json import summary_payload
from gateway.messages.outputs import Reading
from gateway.reports.summary_text import summary_lines
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.scoring_state import ScoringState
from gateway.staging.stage import Refusal, Stage
from tests.support.scored_nights import night_of, staged

SCHEMAS = Path(__file__).parents[2] / "gateway" / "formats" / "schemas"
SUMMARY = Draft202012Validator(json.loads((SCHEMAS / "summary.v1.json").read_text()))


def chart_of(stages):
    scoring_state, night = ScoringState(), night_of(stages)
    for epoch in night.epochs:
        doubtful = staged(epoch.index, epoch.stage, confidence=0.4)
        for _ in scoring_state.add(
            ScoredEpoch(
                index=epoch.index,
                start_utc=night.start_of(epoch.index),
                stage=epoch.stage,
                hypnodensity=doubtful.hypnodensity,
                quality=(),
                asleep=None,
                t_rx=0.0,
            )
        ):
            pass
    return scoring_state


def test_the_summary_at_the_end_has_both_passes():
    stages = [Stage.N2] * 10 + [Stage.W] + [Stage.N2] * 9 + [Refusal.GAP, Stage.N2]
    summary = chart_of(stages).summary()
    reading = Reading("bed", "01J8ZQ6T5R", "m", "d", (), summary)
    told = json.loads(summary_payload(reading, summary, final=True))
    SUMMARY.validate(told)
    assert (told["awakenings"], told["second_pass"]["awakenings"]) == (1, 0)
    assert told["second_pass"]["changed_epochs"] == 1
    assert told["second_pass"]["unscored_min"] == told["unscored_min"] == 0.5
    assert "differs from the live score in 1 epoch" in summary_lines(summary)[-1]
    assert all(len(line) <= 80 for line in summary_lines(summary))


def test_a_night_that_is_the_same_both_times_says_nothing_more():
    summary = chart_of([Stage.N2] * 20).summary()
    assert not any("second pass" in line for line in summary_lines(summary))
