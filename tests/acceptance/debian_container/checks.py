"""What is checked, in this order: each finds the machine as the one before left it."""

from tests.acceptance.debian_container import fence, night, packages, telling

INSTALL = packages.install
CHECKS = (
    fence.modes,
    fence.exposure,
    fence.ports,
    fence.cpuinfo,
    fence.bus,
    fence.network,
    night.no_model,
    night.wrong_config,
    telling.nothing_there,
    night.stream,
    telling.all_there,
    night.killed,
    night.hang,
    night.reload,
    telling.stranger,
    telling.huge,
    telling.names,
    telling.credential,
    telling.bundle,
    night.stop,
    telling.systemd_python,
    packages.upgrade,
    packages.disabled,
    packages.remove,
    packages.purge,
    packages.second_way,
)
