"""Sessions to start from: examples, encoded packets, and captures where there are."""

import json
from pathlib import Path

import numpy as np

from gateway import drivers
from gateway.drivers import ganglion, muse_classic, npg_lite
from tests.drivers.examples import example_of
from tests.fuzz.session import Step, example, write

CAPTURES = Path(__file__).parents[3] / "shared/data/captures"
REGRESSIONS = Path(__file__).with_name("regressions")
AT_ONCE = 24  # notifications of a capture in one session


def seeds(name):
    """Return the sessions to start from: examples, and what was found before."""
    return examples(name) + [path.read_bytes() for path in regressions(name)]


def examples(name):
    """Return sessions as a headband has them."""
    driver = drivers.load(name)
    _, notifications = example(name)
    sent = [(n.char, n.payload) for n in notifications]
    more = MORE.get(name, list)()
    found = []
    for answers, pairs in [((), sent), (_answers(driver), sent), *more]:
        steps = [Step(0, 0, answer) for answer in answers]
        steps += [_step(driver, *pair) for pair in pairs]
        found.append(write(steps, answers=bool(answers)))
    return found


def regressions(name):
    """Return the files that once were findings."""
    return sorted((REGRESSIONS / name).glob("*"))


def _step(driver, char, payload):
    chars = [*driver.notify, *driver.also_notify]
    return Step(chars.index(char) if char in chars else len(chars), 1, payload)


def _answers(driver):
    answer, _ = example_of(driver.name)
    handshake, answers = driver.handshake(), []
    request = next(handshake)
    while True:
        answers.append(answer(request))
        try:
            request = handshake.send(answers[-1])
        except StopIteration:
            return answers


def _ganglion():
    rng = np.random.default_rng(1)
    counts = np.cumsum(rng.integers(-900, 900, (203, 4)), axis=0).astype(np.int32)
    for acc in (None, 5):
        old, new = [ganglion.encode_seed(counts[:1])], []
        for place in range(1, 101):
            around = counts[2 * place - 2 : 2 * place + 1]
            old.append(ganglion.encode_deltas(place, around, acc=acc))
            new.append(ganglion.encode_absolute(place, around[1:], acc=acc))
        text = ganglion.encode_text("accelerometer enabled\n")
        for version, packets in (("2.0.1", old), ("3.0.0", new + text)):
            sent = [(ganglion.RECEIVE, packet) for packet in [*packets, b"\xca1207Z"]]
            yield (version.encode(), b""), sent


def _npg_lite():
    for n_channels, n_samples in ((3, 10), (6, 10), (3, 25)):
        counts = np.arange(n_channels * n_samples, dtype=np.int32)
        counts = counts.reshape(n_channels, n_samples)
        batches = [npg_lite.encode(counts, at * n_samples) for at in range(12)]
        sent = [(npg_lite.DATA, batch) for batch in batches]
        yield (b"", batches[0]), [*sent, (npg_lite.BATTERY, b"\x50")]


def _muse_athena():
    for path in sorted(CAPTURES.glob("OpenMuse*/*.txt")):
        lines = path.read_text().splitlines()[:AT_ONCE]
        rows = [line.split("\t")[1:] for line in lines]
        yield (), [(char, bytes.fromhex(text)) for char, text in rows]


def _muse_classic():
    chars = {char[:8]: char for char in muse_classic.ELECTRODES.values()}
    for path in sorted(CAPTURES.glob("pdpino*/*.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        sent = [(chars.get(c, c), bytes.fromhex(text)) for _, c, text in rows]
        for at in range(0, len(sent) - AT_ONCE, len(sent) // 4):
            yield (), sent[at : at + AT_ONCE]


MORE = {
    "ganglion": _ganglion,
    "muse_athena": _muse_athena,
    "muse_classic": _muse_classic,
    "npg_lite": _npg_lite,
}
