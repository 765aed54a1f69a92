"""Status, doctor, journal and secrets: what the daemon shows, and what it keeps."""

import json
import zipfile
from collections.abc import Mapping
from typing import Any

from tests.acceptance.debian_container.bench import (
    CONFIG,
    MQTT,
    NIGHT,
    PORT,
    Bench,
    broker,
    check,
    expect,
)

HUGE = 250_000_000
SECRET = "correct-horse-battery"  # noqa: S105 (of the broker in the container)
PI = "annas-pi"
SECRETS = (SECRET, PI, "F0:F1:F2:F3:F4:F5", "bedroom", "anna")
FILE = "/etc/sleepgate/mqtt_password"


def _found(bench: Bench) -> dict[str, dict[str, Any]]:
    """Return what the doctor finds, by what was looked at."""
    document = bench.document("sleepgate doctor --json", 0, 1, 2)
    verdicts = [each["verdict"] for each in document["findings"]]
    rc, out = bench.box.attempt("sleepgate doctor")
    wanted = 2 if "broken" in verdicts else int("warning" in verdicts)
    expect(rc == wanted, f"exit status {rc} with {verdicts}")
    for each in document["findings"]:
        start = f"{each['verdict']:<9}{each['check']} "
        expect(start in out, f"untold: {each}")
        expect(each["remedy"] or each["verdict"] == "good", f"no remedy: {each}")
    return {each["check"]: each for each in document["findings"]}


def _verdicts(found: Mapping[str, Mapping[str, Any]], **wanted: str) -> str:
    """See that these verdicts were found; return the words of what is not good."""
    are = {name: found[name]["verdict"] if name in found else None for name in wanted}
    expect(are == wanted, f"{found}")
    return "; ".join(
        f"{each['check']}: {each['words']}"
        for each in found.values()
        if each["verdict"] in {"warning", "broken"}
    )


def _status(bench: Bench, *, online: bool, well: bool) -> dict[str, Any]:
    """Return the status, once headband and broker are as wanted."""
    known: dict[str, Any] = {}

    def as_wanted() -> bool:
        known.update(bench.document("sleepgate status --json"))
        (device,) = known["devices"]
        outputs = {each["name"]: each["well"] for each in known["outputs"]}
        return (device["online"], outputs["mqtt"]) == (online, well)

    bench.box.until(as_wanted, 60, f"online {online}, broker well {well}: {known}")
    bench.box.run("sleepgate status")
    return known


@check("status and doctor where there is no Bluetooth and no broker")
def nothing_there(bench: Bench) -> str:
    bench.configure(NIGHT)
    bench.box.run("systemctl reset-failed sleepgate; systemctl restart sleepgate")
    known: dict[str, Any] = {}

    def told() -> bool:
        known.update(_status(bench, online=False, well=False))
        return "no Bluetooth adapter" in known["devices"][0]["reason"]

    bench.box.until(told, 30, "that there is no Bluetooth")
    fine = dict.fromkeys(("python", "libraries", "model", "cpuinfo", "disk"), "good")
    fine |= {"configuration": "good", "service": "good", "daemon": "good"}
    wrong = {"adapter": "broken", "broker": "broken", "output": "warning"}
    return _verdicts(_found(bench), **fine, **wrong, headband="warning", fence="good")


@check("status and doctor in a night; the broker goes, and comes back")
def all_there(bench: Bench) -> str:
    known = _status(bench, online=True, well=True)
    expect(known["devices"][0]["epoch"]["stage"], f"no stage: {known}")
    well = {"adapter": "good", "broker": "good", "login": "good", "headband": "good"}
    _verdicts(_found(bench), **well, output="good", fence="good", service="good")
    bench.box.run("systemctl stop mosquitto")
    owes = _status(bench, online=True, well=False)
    words = {each["name"]: each["words"] for each in owes["outputs"]}["mqtt"]
    gone = {"broker": "broken", "output": "warning", "headband": "good"}
    _verdicts(_found(bench), **gone)
    broker(bench, "allow_anonymous true")
    _status(bench, online=True, well=True)
    return f"without it: {words}"


@check("somebody without rights gets a sentence, and in the group an answer")
def stranger(bench: Bench) -> str:
    bench.box.run("id anna 2>/dev/null || useradd -m anna")
    for verb in ("status", "config show", "journal ls", "record ls", "report", "find"):
        rc, out = bench.box.attempt(f"su anna -c 'cd; sleepgate {verb}'")
        expect(rc and "sudo" in out and "Traceback" not in out, f"{verb}: {out}")
    _, out = bench.box.attempt("su anna -c 'sleepgate doctor'")
    expect("may not read it" in out and "looked at" in out, out)
    bench.box.run("usermod -aG sleepgate anna")
    bench.box.run("su anna -c 'sleepgate status && sleepgate config show'")
    for verb in ("record ls", "journal ls", "service status"):
        bench.box.run(f"sleepgate {verb}")
    page = bench.box.run("sleepgate report --out /opt/given/report 2>/dev/null")
    expect(page.endswith(".html"), page)
    return ""


@check("a name server and a broker on the internet: the daemon and the doctor say so")
def names(bench: Bench) -> str:
    kept = bench.box.run("cat /etc/resolv.conf")
    since = bench.now()
    bench.box.run("echo nameserver 8.8.8.8 >/etc/resolv.conf")
    try:
        bench.configure(NIGHT.replace("host: 127.0.0.1", "host: broker.example"))
        bench.box.run("systemctl restart sleepgate")
        bench.box.until(lambda: bench.said("resolution", since), 30, "the reason told")
        expect(bench.said("sleepgate doctor --mqtt", since), "the next step is not")
        told = _verdicts(_found(bench), names="broken", broker="broken")
        bench.configure(NIGHT.replace("host: 127.0.0.1", "host: 8.8.8.8"))
        _verdicts(_found(bench), fence="broken")
    finally:
        bench.box.run(f"echo '{kept}' >/etc/resolv.conf")
        bench.configure(NIGHT)
        bench.box.run("systemctl restart sleepgate")
    return told


@check("a message of 250 MB, over MQTT 3.1.1: the same process goes on")
def huge(bench: Bench) -> str:
    bench.box.run("apt-get install -y -q mosquitto-clients")
    bench.configure(NIGHT.replace(MQTT, MQTT.replace("}", ", protocol: '3.1.1'}")))
    bench.box.run("systemctl restart sleepgate")
    _status(bench, online=True, well=True)
    since, pid = bench.now(), bench.pid()
    file = "/opt/given/huge"
    topic = "sleepgate/bridge/request/replay"
    bench.box.run(
        f"head -c {HUGE} /dev/zero >{file} && "
        f"mosquitto_pub -p {PORT} -q 1 -t {topic} -f {file} && rm {file}"
    )
    bench.box.until(lambda: bench.said("nobody asked for", since), 60, "its arrival")
    expect(bench.pid() == pid, "another process")
    peak = bench.box.run(f"grep VmHWM /proc/{pid}/status").split()
    expect(int(peak[1]) < 120_000, f"{peak}")
    _status(bench, online=True, well=True)
    bench.configure(NIGHT)
    return f"at most {int(peak[1]) / 1024:.0f} MiB resident"


@check("a password by LoadCredential: root's file, a broker that asks for it")
def credential(bench: Bench) -> str:
    bench.box.run(
        f"mosquitto_passwd -c -b /etc/mosquitto/pw anna {SECRET} && "
        "chown mosquitto /etc/mosquitto/pw"
    )
    broker(bench, "allow_anonymous false", "password_file /etc/mosquitto/pw")
    signed = "{username: anna, password: !credential mqtt_password, "
    bench.configure(NIGHT.replace("{host", signed + "host"))
    since = bench.now()
    bench.box.attempt("systemctl restart sleepgate")
    expect(bench.said(f"write it into {FILE}", since), "a missing secret is not told")
    bench.box.run(f"umask 077; echo {SECRET} >{FILE}")
    expect(bench.box.run(f"stat -c '%a %U' {FILE}") == "600 root", "mode")
    bench.box.run("systemctl start sleepgate")
    bench.box.until(lambda: bench.said("connected to the broker", since), 20, "MQTT")
    return ""


@check("doctor --bundle: the log and all, but no address, secret, host or name")
def bundle(bench: Bench) -> str:
    bench.box.run(f"hostname {PI} && systemctl restart systemd-journald sleepgate")
    _status(bench, online=True, well=True)
    bench.box.attempt("SUDO_USER=anna sleepgate doctor --bundle /opt/given/bundle.zip")
    seen = bench.box.run("journalctl -u sleepgate -o short --no-pager")
    everywhere = seen + bench.box.run(f"cat {CONFIG} {FILE}")
    for secret in SECRETS:
        expect(secret in everywhere, f"{secret} was nowhere to be hidden")
    with zipfile.ZipFile(bench.box.root / "opt/given/bundle.zip") as made:
        texts = {name: made.read(name).decode() for name in made.namelist()}
    whole = "\n".join(texts.values()).lower()
    for secret in SECRETS:
        expect(secret.lower() not in whole, f"{secret} is in the bundle")
    lines = texts["log.txt"].splitlines()
    expect(len(lines) > 100, f"a log of {len(lines)} lines")
    expect("streaming" in texts["log.txt"], "the log does not say much")
    expect(json.loads(texts["status.json"])["devices"], "no status in it")
    expect("password" in texts["configuration.yaml"], "no configuration in it")
    broker(bench, "allow_anonymous true")
    return f"{len(lines)} lines of log"


@check("fields in the journal with systemd-python, too")
def systemd_python(bench: Bench) -> str:
    bench.box.run("apt-get install -y -q python3-systemd")
    site = bench.box.run("echo /usr/lib/sleepgate/venv/lib/python3.*/site-packages")
    bench.box.run(f"ln -s /usr/lib/python3/dist-packages/systemd {site}/systemd")
    since = bench.now()
    bench.box.run("systemctl restart sleepgate")
    maps = bench.box.run(f"cat /proc/{bench.pid()}/maps")
    expect("dist-packages/systemd/" in maps, "systemd-python is not in use")
    told = [
        each
        for each in bench.journal(f"--after-cursor='{since}'")
        if "EPOCH" in each or "SESSION" in each
    ]
    expect(told, "nothing of the night is told")
    for each in told:
        expect(each["DEVICE"] == "bedroom" and each["SESSION"], f"{each}")
    bench.box.run(f"rm {site}/systemd && systemctl restart sleepgate")
    return ""
