"""What is checked, in this order: each finds the machine as the one before left it."""

import os
import re
import time
from collections.abc import Callable

from scripts.nspawn.bench import CONFIG, PIP, Bench, dropped_in, expect
from scripts.nspawn.container import ContainerError

Check = Callable[[Bench], str]
CHECKS: list[tuple[str, Check]] = []
CHECKOUT = "/opt/given/checkout"
PEER = "/opt/given/peer/bin/python"
RESTART_S = 10.0
# the container shares the network of its host, where there may be brokers
PORT = 20_000 + os.getpid() % 10_000
NIGHT = f"""devices:
  - name: bedroom
    driver: diy
outputs:
  mqtt: {{host: 127.0.0.1, port: {PORT}}}
log:
  level: debug
"""


EPOCH = """import time
import numpy as np
from gateway.runtime.model_file import read_model
scorer = read_model("default")
interpreter = scorer._interpreter
tensor = interpreter.get_input_details()[0]
interpreter.set_tensor(tensor["index"], np.zeros(tensor["shape"], np.int8))
times = []
for _ in range(20):
    began = time.perf_counter()
    interpreter.invoke()
    times.append(time.perf_counter() - began)
print(f"{1000 * min(times):.2f} ms an epoch on {scorer._runtime}")
"""


def check(name: str) -> Callable[[Check], Check]:
    """Add a check."""

    def add(function: Check) -> Check:
        CHECKS.append((name, function))
        return function

    return add


@check("apt install ./sleepgate.deb, nothing else: active, enabled")
def _install(bench: Bench) -> str:
    began = time.monotonic()
    bench.box.run(f"apt-get update -qq && apt-get install -y {bench.deb}")
    seconds = time.monotonic() - began
    expect(bench.active(), "not active after the installation")
    expect(bench.box.run("systemctl is-enabled sleepgate") == "enabled", "not enabled")
    bench.box.run("sleepgate --version && sleepgate config check " + CONFIG)
    return f"{seconds:.0f} s with its dependencies"


@check("user, modes: not root, configuration 640, state 700")
def _modes(bench: Bench) -> str:
    owner = bench.box.run(f"stat -c %U /proc/{bench.pid()}")
    expect(owner == "sleepgate", f"runs as {owner}")
    modes = bench.box.run(
        f"stat -c '%a %U:%G' /etc/sleepgate {CONFIG} /var/lib/sleepgate /run/sleepgate"
    ).split("\n")
    wanted = ["750 root:sleepgate", "640 root:sleepgate"]
    wanted += ["700 sleepgate:sleepgate", "750 sleepgate:sleepgate"]
    expect(modes == wanted, f"{modes}")
    return ""


@check("systemd-analyze verify; exposure at most 1.0")
def _exposure(bench: Bench) -> str:
    unit = "/usr/lib/systemd/system/sleepgate.service"
    said = bench.box.run(f"systemd-analyze verify --man=no {unit}")
    expect(not said, said)
    out = bench.box.run("systemd-analyze security --no-pager sleepgate", 60)
    score = float(re.search(r"level for sleepgate.service: ([\d.]+)", out)[1])  # type: ignore[index]
    expect(score <= 1.0, f"exposure {score}")
    return f"exposure {score}"


@check("no listening socket")
def _ports(bench: Bench) -> str:
    out = bench.box.run("ss -H -ltunp")
    mine = [line for line in out.splitlines() if f"pid={bench.pid()}," in line]
    expect(not mine, "\n".join(mine))
    return ""


@check("/proc/cpuinfo is readable in the sandbox (ProcSubset left alone)")
def _cpuinfo(bench: Bench) -> str:
    words = bench.box.run(f"nsenter -t {bench.pid()} -m head -c 99 /proc/cpuinfo")
    expect("processor" in words, words)
    bench.write("/opt/given/epoch.py", EPOCH)
    python = "/usr/lib/sleepgate/venv/bin/python /opt/given/epoch.py"
    ran = "systemd-run --wait --pipe -q -p User=sleepgate -p ProtectProc=invisible"
    there = bench.box.run(f"{ran} {python}").splitlines()[-1]
    hidden = bench.box.run(f"{ran} -p ProcSubset=pid {python}").splitlines()[-1]
    return f"{there}; with ProcSubset=pid {hidden}"


@check("the system bus answers our user, and no DynamicUser (why it is fixed)")
def _bus(bench: Bench) -> str:
    ask = (
        "systemd-run --wait --pipe -q -p User=sleepgate -p DynamicUser={} dbus-send "
        "--system --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus "
        "org.freedesktop.DBus.GetId"
    )
    bench.box.run(ask.format("no"))
    ask = ask.replace("User=sleepgate -p ", "")
    rc, _ = bench.box.attempt(ask.format("yes"))
    return "a DynamicUser gets no answer" if rc else "a DynamicUser would do by now"


@check("the LAN is reached, the internet is not")
def _network(bench: Bench) -> str:
    reach = (
        "{} python3 -c 'import socket; "
        'socket.create_connection(("deb.debian.org", 80), 5); print("reached")\' 2>&1'
    )
    rc, out = bench.box.attempt(reach.format(""))
    if rc:
        raise ContainerError(f"no internet to be kept from: {out[-200:]}")
    group = "/sys/fs/cgroup/system.slice/sleepgate.service/cgroup.procs"
    rc, out = bench.box.attempt(reach.format(f"echo $$ >{group};"))
    expect(rc, "the internet is reached from the service's cgroup")
    lan = (
        f"echo $$ >{group}; python3 -c 'import socket; s = socket.create_server("
        '("127.0.0.1", 0)); socket.create_connection(s.getsockname(), 5)\''
    )
    bench.box.run(lan)
    return out.splitlines()[-1][:60]


@check("READY only with a pipeline: a model that is not there never gets active")
def _no_model(bench: Bench) -> str:
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
def _wrong_config(bench: Bench) -> str:
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
def _night(bench: Bench) -> str:
    bench.configure(NIGHT)
    _broker(bench, "allow_anonymous true")
    bench.box.run(
        f"systemd-run --unit=peer -p WorkingDirectory={CHECKOUT} "
        f"-p Environment=PYTHONPATH={CHECKOUT} {PEER} -m scripts.nspawn.peer"
    )
    bench.box.until(
        lambda: "on the air" in bench.box.run("journalctl -u peer --no-pager"),
        60,
        "the peer: " + bench.box.attempt("journalctl -u peer -n 5 --no-pager")[1],
    )
    bench.box.run("systemctl restart sleepgate")
    took = _ready_s(bench)
    bench.box.until(lambda: len(bench.epochs()) >= 2, 180, "two epochs")
    text = bench.box.show("StatusText")["StatusText"]
    expect(text.startswith("bedroom: streaming, epoch 1 "), text)
    return f"start to READY {took:.1f} s; STATUS={text}"


@check("kill -9: back in 10 s, the same session goes on, the gap is marked")
def _killed(bench: Bench) -> str:
    before = bench.epochs()
    took = bench.restarts_after("kill -9 $PID", RESTART_S)
    bench.box.until(lambda: len(bench.epochs()) >= len(before) + 3, 200, "more epochs")
    after = bench.epochs()
    same = {session for session, _, _ in after} == {before[-1][0]}
    numbers = [number for _, number, _ in after]
    expect(same, f"back in {took:.1f} s, but another session: {after}")
    expect(numbers == list(range(len(numbers))), f"epochs {numbers}")
    new = after[len(before) :]
    expect(any(stage == "gap" for _, _, stage in new), f"no gap in {new}")
    return f"back in {took:.1f} s; then {[f'{n} {stage}' for _, n, stage in new]}"


@check("a hang (SIGSTOP): the watchdog ends it, systemd starts it anew")
def _hang(bench: Bench) -> str:
    with dropped_in(bench, "[Service]\nWatchdogSec=5\n"):
        bench.box.run("systemctl restart sleepgate")
        since = bench.now()
        took = bench.restarts_after("kill -STOP $PID", 5 + RESTART_S)
        expect(bench.said("Watchdog timeout", since), "not by the watchdog")
    return f"back in {took:.1f} s with WatchdogSec=5"


@check("systemctl reload (SIGHUP): the same process goes on")
def _reload(bench: Bench) -> str:
    before = bench.pid()
    bench.box.run("systemctl reload sleepgate")
    time.sleep(2)
    expect(bench.pid() == before, "another process")
    expect(bench.active(), "not active")
    return ""


@check("systemctl stop: in order, files whole")
def _stop(bench: Bench) -> str:
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


@check("a password by LoadCredential: root's file, a broker that asks for it")
def _credential(bench: Bench) -> str:
    bench.box.run(
        "mosquitto_passwd -c -b /etc/mosquitto/pw me hush && "
        "chown mosquitto /etc/mosquitto/pw"
    )
    _broker(bench, "allow_anonymous false", "password_file /etc/mosquitto/pw")
    file = "/etc/sleepgate/mqtt_password"
    bench.configure(
        NIGHT.replace("{", "{username: me, password: !credential mqtt_password, ")
    )
    since = bench.now()
    bench.box.attempt("systemctl start sleepgate")
    expect(bench.said(f"write it into {file}", since), "a missing secret is not told")
    bench.box.run(f"umask 077; echo hush >{file}")
    expect(bench.box.run(f"stat -c '%a %U' {file}") == "600 root", "mode")
    bench.box.run("systemctl start sleepgate")
    bench.box.until(lambda: bench.said("connected to the broker", since), 20, "MQTT")
    bench.configure(NIGHT)
    _broker(bench, "allow_anonymous true")
    return ""


@check("fields in the journal with systemd-python, too")
def _systemd_python(bench: Bench) -> str:
    bench.box.run("apt-get install -y -q python3-systemd")
    site = bench.box.run("echo /usr/lib/sleepgate/venv/lib/python3.*/site-packages")
    bench.box.run(f"ln -s /usr/lib/python3/dist-packages/systemd {site}/systemd")
    since = bench.now()
    bench.box.run("systemctl restart sleepgate")
    maps = bench.box.run(f"cat /proc/{bench.pid()}/maps")
    expect("dist-packages/systemd/" in maps, "systemd-python is not in use")
    said = bench.journal(f"--after-cursor='{since}'", "LOGGER=gateway.runtime.service")
    expect([entry for entry in said if entry["MESSAGE"] == "ready"], f"{said}")
    bench.box.run(f"rm {site}/systemd && systemctl restart sleepgate")
    return ""


@check("upgrade: configuration, secret and journal stay, the new version runs")
def _upgrade(bench: Bench) -> str:
    bench.configure(NIGHT + "# mine\n")
    kept = f"cat {CONFIG} /etc/sleepgate/mqtt_password"
    before, pid, n = bench.box.run(kept), bench.pid(), _journal_rows(bench)
    bench.box.run(f"apt-get install -y {bench.newer}")
    expect(bench.box.run(kept) == before, "the configuration is another one")
    expect(bench.active() and bench.pid() != pid, "the new version does not run")
    expect(_journal_rows(bench) >= n > 0, "the journal lost epochs")
    version = bench.box.run("dpkg-query -W -f '${Version}' sleepgate")
    return f"to {version}, {n} epochs kept"


@check("a service somebody has disabled stays so over an upgrade")
def _disabled(bench: Bench) -> str:
    bench.box.run("systemctl disable --now sleepgate")
    bench.box.run(f"apt-get install -y --reinstall {bench.newer}")
    _, out = bench.box.attempt("systemctl is-enabled sleepgate")
    expect(out == "disabled", f"{out}")
    bench.box.run("systemctl enable --now sleepgate")
    return ""


@check("apt remove: program gone, configuration and journal stay")
def _remove(bench: Bench) -> str:
    bench.box.run("apt-get remove -y sleepgate")
    gone = bench.box.run("ls -d /usr/lib/sleepgate /usr/bin/sleepgate 2>&1 || true")
    expect(gone.count("No such file") == 2, gone)
    bench.box.run(f"ls {CONFIG} /var/lib/sleepgate/*")
    return ""


@check("apt purge: the tree is as before the installation")
def _purge(bench: Bench) -> str:
    bench.box.run("systemctl stop peer")
    bench.box.run(f"apt-get install -y {bench.deb} && apt-get purge -y sleepgate")
    left = bench.tree()
    bench.box.run(f"apt-get install -y {bench.deb}")
    between = bench.tree()
    bench.box.run("apt-get purge -y sleepgate")
    expect(len(between - left) > 1000, "the comparison is blind")
    expect(bench.tree() == left, f"{bench.tree() ^ left}")
    found = bench.box.run(
        "find / -xdev -iname '*sleepgate*' -not -path '/opt/given/*' "
        "-not -path '/proc/*' -not -path '/sys/*'; "
        "grep -l sleepgate /etc/passwd /etc/group /etc/shadow /etc/gshadow || true"
    )
    expect(not found, found)
    return ""


@check(
    "service install, twice, and uninstall --purge: runs, then the tree is as before"
)
def _second_way(bench: Bench) -> str:
    bench.box.run(
        f"mkdir -p /opt/given/wheels && dpkg-deb --fsys-tarfile {bench.deb} | "
        "tar -x -C /opt/given/wheels --strip-components=4 ./usr/share/sleepgate"
    )
    before = bench.tree()
    bench.box.run(
        "python3 -m venv --without-pip /opt/sleepgate && "
        f"{PIP} /opt/sleepgate/bin/python -m pip install -q --no-index --no-deps "
        "--find-links /opt/given/wheels/wheels --require-hashes "
        "-r /opt/given/wheels/requirements.lock"
    )
    program = "/opt/sleepgate/bin/sleepgate"
    bench.box.run(f"{program} service install")
    expect(bench.active(), "not active")
    once = bench.tree()
    bench.box.run(f"{program} service install")
    expect(bench.tree() == once, f"{bench.tree() ^ once}")
    bench.box.run(f"{program} service status")
    bench.box.run(f"{program} service uninstall --purge")
    bench.box.run("rm -r /opt/sleepgate")
    expect(bench.tree() == before, f"{bench.tree() ^ before}")
    return ""


def _broker(bench: Bench, *lines: str) -> None:
    listener = f"listener {PORT} 127.0.0.1"
    text = "\n".join([listener, *lines, ""])
    bench.write("/etc/mosquitto/conf.d/test.conf", text)
    bench.box.run("systemctl reset-failed mosquitto; systemctl restart mosquitto")


def _ready_s(bench: Bench) -> float:
    began, ready = "ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic"
    shown = bench.box.show(began, ready)
    return (int(shown[ready]) - int(shown[began])) / 1e6


def _journal_rows(bench: Bench) -> int:
    out = bench.box.run("sleepgate journal ls 2>&1 >/dev/null")
    return int(out.splitlines()[-1].partition(" ")[0])
