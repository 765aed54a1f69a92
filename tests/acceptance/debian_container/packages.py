"""The package, and the second way: in, up, off, and nothing left."""

import time

from tests.acceptance.debian_container.bench import CONFIG, NIGHT, Bench, check, expect

WHEELS = "/opt/given/wheels"
OFFLINE = "PIP_NO_INDEX=1 PIP_FIND_LINKS=/opt/given/peer-wheels/pipx"
PIPX = f"PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin {OFFLINE} pipx"


@check("apt install ./sleepgate.deb, nothing else: active, enabled")
def install(bench: Bench) -> str:
    began = time.monotonic()
    bench.box.run(f"apt-get update -qq && apt-get install -y {bench.deb}")
    seconds = time.monotonic() - began
    expect(bench.active(), "not active after the installation")
    expect(bench.box.run("systemctl is-enabled sleepgate") == "enabled", "not enabled")
    bench.box.run("sleepgate --version && sleepgate config check " + CONFIG)
    return f"{seconds:.0f} s with its dependencies"


@check("upgrade: configuration, secret and journal stay, the new version runs")
def upgrade(bench: Bench) -> str:
    bench.configure(NIGHT + "# mine\n")
    kept = f"cat {CONFIG} /etc/sleepgate/mqtt_password"
    before, pid, n = bench.box.run(kept), bench.pid(), _n_epochs(bench)
    bench.box.run(f"apt-get install -y {bench.newer}")
    expect(bench.box.run(kept) == before, "the configuration is another one")
    expect(bench.active() and bench.pid() != pid, "the new version does not run")
    expect(_n_epochs(bench) >= n > 0, "the journal lost epochs")
    version = bench.box.run("dpkg-query -W -f '${Version}' sleepgate")
    return f"to {version}, {n} epochs kept"


@check("a service somebody has disabled stays so over an upgrade")
def disabled(bench: Bench) -> str:
    bench.box.run("systemctl disable --now sleepgate")
    bench.box.run(f"apt-get install -y --reinstall {bench.newer}")
    _, out = bench.box.attempt("systemctl is-enabled sleepgate")
    expect(out == "disabled", f"{out}")
    bench.box.run("systemctl enable --now sleepgate")
    return ""


@check("apt remove: program gone, configuration and journal stay")
def remove(bench: Bench) -> str:
    bench.box.run("apt-get remove -y sleepgate")
    gone = bench.box.run("ls -d /usr/lib/sleepgate /usr/bin/sleepgate 2>&1 || true")
    expect(gone.count("No such file") == 2, gone)
    bench.box.run(f"ls {CONFIG} /var/lib/sleepgate/*")
    return ""


@check("apt purge: the tree is as before the installation")
def purge(bench: Bench) -> str:
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


@check("pipx install, service install twice, uninstall --purge: the tree is as before")
def second_way(bench: Bench) -> str:
    bench.box.run(
        "apt-get install -y -q pipx && "
        f"mkdir -p {WHEELS} && dpkg-deb --fsys-tarfile {bench.deb} | "
        f"tar -x -C {WHEELS} --strip-components=4 ./usr/share/sleepgate"
    )
    before = bench.tree()
    bench.box.run(
        f"{PIPX} install --pip-args='--no-index --find-links {WHEELS}/wheels' "
        f"{WHEELS}/wheels/sleepgate-*.whl"
    )
    version = bench.box.run("pipx --version")
    bench.box.run("sleepgate service install")
    expect(bench.active(), "not active")
    expect(bench.box.show("User")["User"] == "sleepgate", "not as its user")
    once = bench.tree()
    bench.box.run("sleepgate service install")
    expect(bench.tree() == once, f"{bench.tree() ^ once}")
    bench.box.run("sleepgate service status && sleepgate service logs")
    bench.box.run("sleepgate service uninstall --purge")
    bench.box.run(f"{PIPX} uninstall sleepgate && rm -r /opt/pipx")
    expect(len(once - before) > 1000, "the comparison is blind")
    expect(bench.tree() == before, f"{bench.tree() ^ before}")
    return f"pipx {version}"


def _n_epochs(bench: Bench) -> int:
    out = bench.box.run("sleepgate journal ls 2>&1 >/dev/null")
    return int(out.splitlines()[-1].partition(" ")[0])
