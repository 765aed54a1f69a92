"""Fuzzing without coverage, for machines that atheris has no wheels for."""

import random

from tests.fuzz import session


def mutated(dice, corpus):
    """Return a session from `corpus` with some things wrong."""
    answers, steps = session.read(dice.choice(corpus))
    for _ in range(dice.randint(1, 4)):
        if steps and dice.random() < 0.5:
            _shuffle(dice, steps, session.read(dice.choice(corpus))[1])
        if steps:
            at = dice.randrange(len(steps))
            steps[at] = _damaged(dice, steps[at])
    return session.write(steps, answers=answers ^ (dice.random() < 0.05))


def _shuffle(dice, steps, others):
    at = dice.randrange(len(steps))
    match dice.randrange(4):
        case 0:
            del steps[at]
        case 1:
            steps.insert(at, dice.choice(steps))
        case 2:
            steps[at], steps[0] = steps[0], steps[at]
        case _:
            steps[at:at] = others[: dice.randrange(8)]


def _damaged(dice, step):
    payload = bytearray(step.payload)
    where = dice.randrange(len(payload) + 1)
    match dice.randrange(7):
        case 0:
            del payload[where:]
        case 1:
            del payload[where : where + dice.randint(1, 4)]
        case 2:
            payload[where:where] = dice.randbytes(dice.randint(1, 8))
        case 3:
            return step._replace(gap=dice.randrange(256))
        case 4:
            return step._replace(char=dice.randrange(8))
        case 5 if payload:
            payload[where % len(payload)] = dice.choice((0, 1, 127, 128, 255))
        case _ if payload:
            payload[where % len(payload)] ^= 1 << dice.randrange(8)
    return step._replace(payload=bytes(payload))


def sessions(corpus, *, seed):
    """Yield mutated sessions for ever, the same for the same `seed`."""
    dice = random.Random(seed)  # noqa: S311 (not for secrets)
    while True:
        yield mutated(dice, corpus)
