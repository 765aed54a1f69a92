"""The air behaves like a radio: range, timeouts, and hosts that vanish."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from bumble import hci
from bumble.core import UUID, BaseBumbleError
from bumble.device import Device, DeviceConfiguration, Peer
from bumble.gatt import Characteristic, Service
from bumble.transport import open_transport

from sim.radio.virtual_link import VirtualLink

HEADBAND, CENTRAL = "F0:00:00:00:00:01", "C0:00:00:00:00:02"
SERVICE, CHAR = "9999", "9998"


async def device(transport, address):
    config = DeviceConfiguration(
        name="x", address=hci.Address(address), advertising_interval_min=40
    )
    host = Device.from_config_with_hci(config, transport.source, transport.sink)
    await host.power_on()
    return host


async def advertiser(transport):
    host = await device(transport, HEADBAND)
    value = Characteristic(
        CHAR,
        Characteristic.Properties.READ,
        Characteristic.READABLE,
        b"hello",
    )
    host.add_services([Service(SERVICE, [value])])
    await host.start_advertising(auto_restart=True)
    return host


async def connected(central, **how):
    connection = await central.connect(hci.Address(HEADBAND), **how)
    reasons = asyncio.Queue()
    connection.on("disconnection", reasons.put_nowait)
    return connection, reasons


async def read(connection):
    peer = Peer(connection)
    await peer.discover_all()
    (char,) = peer.get_characteristics_by_uuid(UUID(CHAR))
    return await char.read_value()


async def heard(central, seconds):
    seen = []
    central.on("advertisement", seen.append)
    await central.start_scanning()
    await asyncio.sleep(seconds)
    await central.stop_scanning()
    central.remove_listener("advertisement", seen.append)
    return len(seen)


@asynccontextmanager
async def pair_of_hosts():
    air = VirtualLink()
    band = await advertiser(air.plug())
    central = await device(air.plug(), CENTRAL)
    yield air, band, central


@pytest.mark.parametrize("own", [hci.OwnAddressType.RANDOM, hci.OwnAddressType.PUBLIC])
async def test_data_gets_across_whatever_address_the_central_connects_with(own):
    async with pair_of_hosts() as (_, _, central):
        await heard(central, 1)
        connection, _ = await connected(central, own_address_type=own)
        assert await read(connection) == b"hello"


async def test_a_short_outage_delays_and_loses_nothing():
    async with pair_of_hosts() as (air, _, central):
        connection, reasons = await connected(central)
        loop = asyncio.get_running_loop()
        outage = loop.create_task(air.outage(0.4))
        await asyncio.sleep(0)
        began = loop.time()
        assert await read(connection) == b"hello"
        assert loop.time() - began >= 0.4
        await outage
        assert reasons.empty()


async def test_a_long_outage_ends_connections_on_both_sides():
    async with pair_of_hosts() as (air, band, central):
        _, reasons = await connected(central)
        their_reasons = asyncio.Queue()
        (theirs,) = band.connections.values()
        theirs.on("disconnection", their_reasons.put_nowait)
        outage = asyncio.create_task(air.outage(5))
        timeout = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        assert await reasons.get() == await their_reasons.get() == timeout
        assert await heard(central, 3) == 0
        await outage
        assert await heard(central, 3) > 0


async def test_nobody_connects_out_of_range_nor_afterwards_unasked():
    async with pair_of_hosts() as (air, band, central):
        outage = asyncio.create_task(air.outage(10))
        await asyncio.sleep(0)
        with pytest.raises(BaseBumbleError):
            await connected(central, timeout=2)
        await outage
        await asyncio.sleep(10)
        assert not band.connections
        connection, _ = await connected(central)
        assert await read(connection) == b"hello"


async def test_a_host_without_power_is_a_supervision_timeout_to_its_peer():
    air = VirtualLink(supervision_s=4.0)
    plug = air.plug()
    await advertiser(plug)
    central = await device(air.plug(), CENTRAL)
    _, reasons = await connected(central)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await plug.close()
    assert await reasons.get() == hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
    assert loop.time() - began == pytest.approx(4)
    assert await heard(central, 3) == 0


async def test_a_reset_ends_connections_and_advertising():
    async with pair_of_hosts() as (_, band, central):
        _, reasons = await connected(central)
        await band.host.send_sync_command(hci.HCI_Reset_Command())
        assert await reasons.get() == hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        assert await heard(central, 3) == 0


async def test_an_orderly_goodbye_to_one_who_is_gone_is_no_error():
    async with pair_of_hosts() as (air, band, central):
        connection, reasons = await connected(central)
        outage = asyncio.create_task(air.outage(2))
        await asyncio.sleep(0)
        await connection.disconnect()
        assert (await reasons.get()) != hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        await outage
        assert not band.connections


@pytest.fixture(params=["unix", "tcp"])
def sockets(request, tmp_path, unused_tcp_port_factory):
    """Names of the two ends of two sockets: as served, and as opened."""
    if request.param == "unix":
        paths = [tmp_path / "hci0", tmp_path / "hci1"]
        return [f"unix-server:{p}" for p in paths], [f"unix:{p}" for p in paths]
    ports = [unused_tcp_port_factory() for _ in range(2)]
    return (
        [f"tcp-server:127.0.0.1:{p}" for p in ports],
        [f"tcp-client:127.0.0.1:{p}" for p in ports],
    )


@pytest.mark.integration
async def test_a_host_whose_socket_closes_is_gone_and_may_return(sockets):
    served, (first, second) = sockets
    async with VirtualLink().serve(*served), await open_transport(second) as transport:
        central = await device(transport, CENTRAL)
        for _ in range(3):
            async with await open_transport(first) as killed:
                await advertiser(killed)
                connection, reasons = await connected(central)
                assert await read(connection) == b"hello"
            reason = await asyncio.wait_for(reasons.get(), 5)
            assert reason == hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
            assert await heard(central, 0.2) == 0


@pytest.mark.integration
async def test_a_second_host_on_a_socket_is_turned_away(sockets):
    served, (first, _) = sockets
    async with VirtualLink().serve(*served), await open_transport(first) as transport:
        band = await advertiser(transport)
        async with await open_transport(first) as intruder:
            await asyncio.wait_for(intruder.source.terminated, 5)
        assert await asyncio.wait_for(
            band.host.send_sync_command(hci.HCI_Read_BD_ADDR_Command()), 5
        )


@pytest.mark.integration
async def test_what_is_no_hci_is_hung_up_on(tmp_path):
    path = str(tmp_path / "hci0")
    async with VirtualLink().serve(f"unix-server:{path}"):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        async with await open_transport(f"unix:{path}") as transport:
            assert await asyncio.wait_for(advertiser(transport), 5)


async def test_hosts_that_are_held_wait_and_lose_nothing(tmp_path):
    link = VirtualLink()
    paths = [f"unix-server:{tmp_path}/{name}" for name in ("band", "central")]
    async with link.serve(*paths), AsyncExitStack() as stack:
        band, central = [
            await stack.enter_async_context(
                await open_transport(path.replace("unix-server", "unix"))
            )
            for path in paths
        ]
        await advertiser(band)
        host = await device(central, CENTRAL)
        connection, _ = await connected(host)
        assert await read(connection) == b"hello"
        link.hold_hosts(hold=True)
        link.hold_hosts(hold=True)
        reading = asyncio.create_task(read(connection))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not reading.done()
        link.hold_hosts(hold=False)
        assert await asyncio.wait_for(reading, 10) == b"hello"
