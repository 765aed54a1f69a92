"""Files as Sleep-EDF has them, oddities included, of made-up signals."""

from datetime import datetime, timedelta

import edfio
import numpy as np

STARTED = datetime(1989, 4, 24, 16, 13)  # noqa: DTZ001 (EDF has no time zone)
TEXT = {
    **{code: f"Sleep stage {code}" for code in "W1234R?"},
    "M": "Movement time",
}
LABELS = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
LOUDER = {"W": 12.0, "1": 16.0, "2": 25.0, "3": 45.0, "4": 60.0, "R": 18.0}


def write_psg(  # noqa: PLR0913 (one for each oddity)
    path, stages, *, record_s=30, emg_hz=1, seed=0, quiet=(), sfreq=100
):
    """Write a recording whose loudness follows `stages`, one letter per 30 s."""
    rng = np.random.default_rng(seed)
    per_epoch = 30 * sfreq
    level = np.repeat([LOUDER.get(stage, 20.0) for stage in stages], per_epoch)
    signals = []
    for label in LABELS:
        uv = rng.standard_normal(len(level)) * level
        for epoch in quiet:
            uv[epoch * per_epoch : (epoch + 1) * per_epoch] = 0
        signals.append(_signal(label, uv, sfreq))
    envelope = rng.uniform(0.5, 5, 30 * len(stages) * emg_hz)
    signals.append(_signal("EMG submental", envelope, emg_hz))
    temperature = np.full(30 * len(stages), 37.0)
    signals.append(_signal("Temp rectal", temperature, 1, "DegC", (34, 40)))
    edf = edfio.Edf(
        signals,
        recording=edfio.Recording(startdate=STARTED.date()),
        starttime=STARTED.time(),
        data_record_duration=record_s,
    )
    edf.write(path)


def write_hypnogram(path, stages, *, late_s=0, beyond_s=0):
    """Write one annotation per bout; the last goes on for `beyond_s` seconds."""
    bouts = []
    for number, stage in enumerate(stages):
        if bouts and bouts[-1][2] == stage:
            bouts[-1][1] += 30
        else:
            bouts.append([30 * number, 30, stage])
    bouts[-1][1] += beyond_s
    start = STARTED + timedelta(seconds=late_s)
    edf = edfio.Edf(
        [],
        recording=edfio.Recording(startdate=start.date()),
        starttime=start.time(),
        annotations=[edfio.EdfAnnotation(a, b, TEXT[c]) for a, b, c in bouts],
    )
    edf.write(path)


def write_night(folder, name, stages, **oddities):
    """Write both files of a night such as ``"SC4001"``; return the recording's path."""
    beyond = {k: oddities.pop(k) for k in ("late_s", "beyond_s") if k in oddities}
    psg = folder / f"{name}E0-PSG.edf"
    write_psg(psg, stages, **oddities)
    write_hypnogram(folder / f"{name}EC-Hypnogram.edf", stages, **beyond)
    return psg


def _signal(label, values, sfreq, dimension="uV", limits=(-500, 500)):
    return edfio.EdfSignal(
        np.clip(values, *limits),
        sfreq,
        label=label,
        physical_dimension=dimension,
        physical_range=limits,
        digital_range=(-2048, 2047),
    )
