"""Fuzz the drivers, or with --daemon the whole daemon, and say what is found."""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from hashlib import sha1
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from gateway import drivers
from tests.fuzz import mutate, seeds, session, whole_daemon

FINDINGS = Path("fuzz-findings")
HANGS_S = 20
SAY_S = 300.0
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 (a folder in it)
NO_ATHERIS = (
    "atheris is not installed (there are wheels for Linux on x86-64 only): "
    "mutating the same corpus without coverage"
)
ADVICE = (
    "{name}: FOUND something, see above and fuzz-findings/. Keep the input as "
    "tests/fuzz/regressions/{name}/WHAT-IT-WAS and mend the driver; "
    "tests/fuzz/test_fuzz.py plays it from then on"
)


def main():
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("driver", nargs="*", help=f"of {', '.join(drivers.names())}")
    parser.add_argument("--minutes", type=float, default=2.0, help="for all together")
    parser.add_argument("--plain", action="store_true", help="do without atheris")
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default: 1)")
    parser.add_argument("--daemon", action="store_true", help="as a whole, no decoder")
    parser.add_argument("--case", type=int, help="only this case of the daemon's")
    parser.add_argument("--keep-going", action="store_true", help="after findings too")
    options = parser.parse_args()
    if options.daemon:
        FINDINGS.mkdir(exist_ok=True)
        return run_daemon_cases(
            options.seed,
            60 * options.minutes,
            case=options.case,
            keep_going=options.keep_going,
        )
    names = options.driver or drivers.names()
    if unknown := sorted(set(names) - set(drivers.names())):
        parser.error(f"no driver {', '.join(unknown)}")
    plain = options.plain
    if not plain and find_spec("atheris") is None:
        plain = True
        print(NO_ATHERIS, flush=True)
    FINDINGS.mkdir(exist_ok=True)
    seconds = 60 * options.minutes / len(names)
    found = [
        name
        for name in names
        if not (_plain if plain else _guided)(name, seconds, options.seed)
    ]
    for name in found:
        print(ADVICE.format(name=name))
    return 1 if found else 0


def run_daemon_cases(seed, seconds, *, case=None, keep_going=False):
    """Run cases until time is up; return 0, or 1 if anything was found.

    Parameters
    ----------
    seed : int
    seconds : float
    case : int or None
        Run this one only.
    keep_going : bool
        Do not end at the first finding.
    """
    warnings.simplefilter("error")
    tally, end_s = whole_daemon.Tally(), time.perf_counter() + seconds
    said_s, found = time.perf_counter(), 0
    for number in count() if case is None else [case]:
        if time.perf_counter() >= end_s:
            break
        with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
            finding = whole_daemon.run_case(f"{seed}:{number}", Path(folder), tally)
        tally.cases += 1
        if finding is not None:
            found += 1
            _report(seed, number, finding)
        if finding is not None and not keep_going:
            break
        if time.perf_counter() - said_s > SAY_S:
            said_s = time.perf_counter()
            print(f"{tally}; {found} found", flush=True)
    print(f"daemon: {tally}; {found} found", flush=True)
    return 1 if found else 0


def _report(seed, number, finding):
    error, did = finding
    text = "".join(traceback.format_exception(error))
    path = FINDINGS / f"daemon-{seed}-{number}.txt"
    path.write_text(text + "\n".join(map(repr, did)), errors="backslashreplace")
    print(text.encode(errors="backslashreplace").decode())
    print(
        f"FOUND in case {number}, written to {path}; once more: scripts/fuzz --daemon "
        f"--seed {seed} --case {number}",
        flush=True,
    )


def _guided(name, seconds, seed):
    print(f"{name}: {seconds:.0f} s by coverage", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        numbers = (str(max(1, round(seconds))), str(seed))
        command = [sys.executable, "-m", "tests.fuzz.guided", name, *numbers]
        ended = subprocess.run([*command, str(FINDINGS), folder], check=False)
    return ended.returncode == 0


def _plain(name, seconds, seed):
    driver, corpus = drivers.load(name), seeds.seeds(name)
    signal.signal(signal.SIGALRM, _hangs)
    end, done = time.monotonic() + seconds, 0
    for data in mutate.sessions(corpus, seed=seed):
        if time.monotonic() >= end:
            break
        signal.alarm(HANGS_S)
        try:
            session.run(driver, data)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 (whatever it is, it is a finding)
            traceback.print_exc()
            digest = sha1(data, usedforsecurity=False).hexdigest()
            (FINDINGS / f"{name}-{digest}").write_bytes(data)
            return False
        finally:
            signal.alarm(0)
        done += 1
    print(f"{name}: {done} sessions in {seconds:.0f} s, nothing found", flush=True)
    return True


def _hangs(*_):
    raise TimeoutError(f"more than {HANGS_S} s")


if __name__ == "__main__":
    sys.exit(main())
