"""A night: begun, killed, hung, reloaded, mistyped, stopped."""

import time

from tests.acceptance.debian_container.bench import (
    CHECKOUT,
    NIGHT,
    PEER,
    Bench,
    broker,
    check,
    dropped_in,
    expect,
    ready_s,
)

HEADBAND = "tests.acceptance.debian_container.peer"
RESTART_S = 10.0
MISSING = """import json, sqlite3
db = sqlite3.connect("/var/lib/sleepgate/journal.sqlite")
rows = db.execute("SELECT epoch, document FROM entry")
print(json.dumps({n: json.loads(text)["quality"]["missing_s"] for n, text in rows}))
"""


@check("READY only with a pipeline: a model that is not there never gets active")
def no_model(bench: Bench) -> str:
    bench.configure(NIGHT + "staging: {model: /etc/sleepgate/none.tflite}\n")
    rc, _ = bench.box.attempt("systemctl restart sleepgate")
    expect(rc, "the start succeeded")
    for _ in range(50):
        expect(not bench.active(), "active without a model")
        time.sleep(0.1)
    state = bench.box.show("ExecMainStatus")["ExecMainStatus"]
    expect(state in {"5", "0"}, f"exit status {state}")
    return "tried again and again, never ready"


@check("a wrong configuration: exit 2, said with its line, no restart")
def wrong_config(bench: Bench) -> str:
    bench.box.run("systemctl stop sleepgate")
    bench.configure(NIGHT.replace("driver: diy", "driver: dyi"))
    since = bench.now()
    bench.box.attempt("systemctl start sleepgate")
    restarts = bench.box.show("NRestarts")
    time.sleep(6)
    shown = bench.box.show("ActiveState", "ExecMainStatus", "NRestarts")
    wanted = {"ActiveState": "failed", "ExecMainStatus": "2"} | restarts
    expect(shown == wanted, f"{shown}")
    expect(bench.said("dyi", since), "the journal does not say what is wrong")
    return ""


@check("a headband over D-Bus through the sandbox: streams, is scored, is in STATUS")
def stream(bench: Bench) -> str:
    bench.configure(NIGHT)
    broker(bench, "allow_anonymous true")
    bench.box.run(
        f"systemd-run --unit=peer -p WorkingDirectory={CHECKOUT} "
        f"-p Environment=PYTHONPATH={CHECKOUT} {PEER} -m {HEADBAND}"
    )
    bench.box.until(
        lambda: "on the air" in bench.box.run("journalctl -u peer --no-pager"),
        60,
        "the peer: " + bench.box.attempt("journalctl -u peer -n 5 --no-pager")[1],
    )
    bench.box.run("systemctl restart sleepgate")
    took = ready_s(bench)
    bench.box.until(lambda: len(bench.epochs()) >= 2, 180, "two epochs")
    text = bench.box.show("StatusText")["StatusText"]
    expect(text.startswith("bedroom: streaming, epoch 1 "), text)
    return f"start to READY {took:.1f} s; STATUS={text}"


@check("kill -9: back in 10 s, the same session goes on, the gap is marked")
def killed(bench: Bench) -> str:
    before = bench.epochs()
    took = bench.restarts_after("kill -9 $PID", RESTART_S)
    bench.box.until(lambda: len(bench.epochs()) >= len(before) + 3, 200, "more epochs")
    after = bench.epochs()
    same = {session for session, _, _ in after} == {before[-1][0]}
    numbers = [number for _, number, _ in after]
    expect(same, f"back in {took:.1f} s, but another session: {after}")
    expect(numbers == list(range(len(numbers))), f"epochs {numbers}")
    missing = bench.document(f"python3 -c '{MISSING}'")
    first = str(before[-1][1] + 1)
    expect(missing[first] > took / 2, f"the gap is not told: {missing}")
    expect(missing[str(after[-1][1])] < 1, f"more is lost than was: {missing}")
    told = [f"{n} {stage} ({missing[str(n)]:.1f} s missing)" for _, n, stage in after]
    return f"back in {took:.1f} s; then {', '.join(told[len(before) :])}"


@check("a hang (SIGSTOP): the watchdog ends it, systemd starts it anew")
def hang(bench: Bench) -> str:
    with dropped_in(bench, "[Service]\nWatchdogSec=5\n"):
        bench.box.run("systemctl restart sleepgate")
        since = bench.now()
        took = bench.restarts_after("kill -STOP $PID", 5 + RESTART_S)
        expect(bench.said("Watchdog timeout", since), "not by the watchdog")
    return f"back in {took:.1f} s with WatchdogSec=5"


@check("systemctl reload (SIGHUP): the same process goes on")
def reload(bench: Bench) -> str:
    before = bench.pid()
    bench.box.run("systemctl reload sleepgate")
    time.sleep(2)
    expect(bench.pid() == before, "another process")
    expect(bench.active(), "not active")
    return ""


@check("systemctl stop: in order, files whole")
def stop(bench: Bench) -> str:
    since, began = bench.now(), time.monotonic()
    bench.box.run("systemctl stop sleepgate")
    took = time.monotonic() - began
    shown = bench.box.show("Result", "ExecMainStatus", "ExecMainCode")
    expect(shown["Result"] == "success", f"{shown}")
    expect(bench.said("session", since), "the end of the session is not told")
    whole = (
        "import glob, sqlite3\n"
        "for path in glob.glob('/var/lib/sleepgate/**/*.sqlite', recursive=True):\n"
        "    db = sqlite3.connect(path)\n"
        "    assert db.execute('pragma integrity_check').fetchone() == ('ok',), path\n"
        "    print(path)\n"
    )
    files = bench.box.run(f'python3 -c "{whole}"')
    expect(files, "there is no journal")
    return f"{took:.1f} s"
