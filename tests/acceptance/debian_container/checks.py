"""What is checked, in this order: each finds the machine as the one before left it."""

from tests.acceptance.debian_container import diagnostics, night, packages, sandbox

INSTALL = packages.install
CHECKS = (
    sandbox.modes,
    sandbox.exposure,
    sandbox.ports,
    sandbox.cpuinfo,
    sandbox.bus,
    sandbox.network,
    night.no_model,
    night.wrong_config,
    diagnostics.nothing_there,
    night.stream,
    diagnostics.all_there,
    night.killed,
    night.hang,
    night.reload,
    diagnostics.stranger,
    diagnostics.huge,
    diagnostics.names,
    diagnostics.credential,
    diagnostics.bundle,
    night.stop,
    diagnostics.systemd_python,
    packages.upgrade,
    packages.disabled,
    packages.remove,
    packages.purge,
    packages.second_way,
)
