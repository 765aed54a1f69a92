"""Sandbox of the service: rights, files, network, kernel."""

import re

from tests.acceptance.debian_container.bench import CONFIG, Bench, check, expect
from tests.acceptance.debian_container.container import ContainerError

GROUP = "/sys/fs/cgroup/system.slice/sleepgate.service/cgroup.procs"
EPOCH = """import time
import numpy as np
from gateway.models.load import read_model
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


@check("user, modes: not root, configuration 640, state 700")
def modes(bench: Bench) -> str:
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
def exposure(bench: Bench) -> str:
    unit = "/usr/lib/systemd/system/sleepgate.service"
    said = bench.box.run(f"systemd-analyze verify --man=no {unit}")
    expect(not said, said)
    out = bench.box.run("systemd-analyze security --no-pager sleepgate", 60)
    score = float(re.search(r"level for sleepgate.service: ([\d.]+)", out)[1])  # type: ignore[index]
    expect(score <= 1.0, f"exposure {score}")
    return f"exposure {score}"


@check("no listening socket")
def ports(bench: Bench) -> str:
    out = bench.box.run("ss -H -ltunp")
    mine = [line for line in out.splitlines() if f"pid={bench.pid()}," in line]
    expect(not mine, "\n".join(mine))
    return ""


@check("/proc/cpuinfo is readable in the sandbox (ProcSubset left alone)")
def cpuinfo(bench: Bench) -> str:
    words = bench.box.run(f"nsenter -t {bench.pid()} -m head -c 99 /proc/cpuinfo")
    expect("processor" in words, words)
    bench.write("/opt/given/epoch.py", EPOCH)
    python = "/usr/lib/sleepgate/venv/bin/python /opt/given/epoch.py"
    ran = "systemd-run --wait --pipe -q -p User=sleepgate -p ProtectProc=invisible"
    there = bench.box.run(f"{ran} {python}").splitlines()[-1]
    hidden = bench.box.run(f"{ran} -p ProcSubset=pid {python}").splitlines()[-1]
    return f"{there}; with ProcSubset=pid {hidden}"


@check("the system bus answers our user, and no DynamicUser (why it is fixed)")
def bus(bench: Bench) -> str:
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
def network(bench: Bench) -> str:
    reach = (
        "{} python3 -c 'import socket; "
        'socket.create_connection(("deb.debian.org", 80), 5); print("reached")\' 2>&1'
    )
    rc, out = bench.box.attempt(reach.format(""))
    if rc:
        raise ContainerError(f"no internet to be kept from: {out[-200:]}")
    rc, out = bench.box.attempt(reach.format(f"echo $$ >{GROUP} || exit 0;"))
    expect(rc, "the internet is reached from the service's cgroup")
    expect("Error" in out, f"nothing was tried: {out}")
    lan = (
        f"echo $$ >{GROUP} || exit 1; python3 -c 'import socket; "
        's = socket.create_server(("127.0.0.1", 0)); '
        "socket.create_connection(s.getsockname(), 5)'"
    )
    bench.box.run(lan)
    return out.splitlines()[-1][:60]
