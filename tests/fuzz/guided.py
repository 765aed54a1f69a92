"""Fuzzing by coverage, with atheris (libFuzzer); `tests.fuzz` starts it."""

import sys
from hashlib import sha1
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateway"]):
    from gateway import drivers
    from tests.fuzz import seeds, session

LONGEST = 16_384  # bytes of a session
HANGS_S = 20


def main(name, seconds, seed, findings, folder):
    """Fuzz one driver; ends the process, with 0 unless something was found."""
    driver = drivers.load(name)
    session.example(name)  # once, before it counts
    for data in seeds.seeds(name):
        digest = sha1(data, usedforsecurity=False).hexdigest()
        Path(folder, digest).write_bytes(data[:LONGEST])
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST,
        "timeout": HANGS_S,
        "artifact_prefix": f"{findings}/{name}-",
        "print_final_stats": 1,
        "verbosity": 0,
        "seed": seed,
    }
    argv = [sys.argv[0], *(f"-{key}={value}" for key, value in options.items())]
    atheris.Setup([*argv, folder], lambda data: session.run(driver, data) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
