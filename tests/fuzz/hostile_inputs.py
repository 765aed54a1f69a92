"""Inputs that outsiders choose, drawn with dice: the same for the same seed."""

import binascii
import json
import struct
from datetime import UTC, datetime, timedelta
from itertools import cycle

from gateway import drivers
from gateway.drivers import diy
from sim.devices.diy import BATTERY_LEVEL
from tests.fuzz import mutate, seeds, session
from tests.fuzz.virtual_world import EVIL, GOOD, mqtt_message

EPOCH_0 = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
ZONES = ("UTC", "Pacific/Kiritimati", "Etc/GMT+12", "Europe/Berlin")
LABELS = (
    *(b"Fpz-Cz", b"ROC-LOC", b"AF7", b"TP9", b"C3", b"C4", b"EEG", b"EMG", b"A1"),
    *(b"\x1b[31mA", b"a\nb\rc", b"<svg>", b"../../x", b"=1+1", b"\x14\x15", b"%s{0}"),
)
INK = (
    *("a", "9", "é", "\x1b[2J", "\n", "\r", "\x07", "\x9b", "\u202e", "\u2066"),
    *("\ud800", "\x00", "%s", "{}", "<b>", '"', "\\", "/", "+", "#", "Sleep stage N3"),
)
VERBS = (
    *("replay", "health", "restart", "config_reload", "session", "lights", "mark"),
    *("", "x", "e\u0301", "mark/mark"),
)
HERTZ = (1.0, 7.5, 50.0, 100.0, 128.0, 256.0, 33.333, 999.999, 20_000.0)


def ink(dice, most=40):
    """Return a text of what terminals, files and parsers obey."""
    n = dice.choice((0, 1, 3, most, 40 * most if dice.random() < 0.1 else most))
    return "".join(dice.choice(INK) for _ in range(n))


def json_value(dice, depth=0):
    """Return a value that JSON can hold, likely one that nobody expects."""
    match dice.randrange(8 if depth < 3 else 5):
        case 0:
            value = dice.choice((0, -1, 2**31, 2**63 - 1, 2**63, -(2**63), 10**30))
        case 1:
            value = dice.choice((0.5, 1e308, float("nan"), float("inf"), -0.0))
        case 2 | 3:
            value = ink(dice)
        case 4 | 5:
            odd = (None, True, False, [], {}, "", "start", "stop", "off", GOOD, EVIL)
            value = dice.choice(odd)
        case 6:
            value = [json_value(dice, depth + 1) for _ in range(dice.randrange(4))]
        case _:
            value = {ink(dice, 4): json_value(dice, depth + 1) for _ in range(3)}
    return value


def payload(dice, keys):
    """Return the bytes of a request with some of `keys`, or any bytes."""
    match dice.randrange(8):
        case 0:
            return dice.randbytes(dice.choice((0, 1, 40, 5000)))
        case 1:
            return dice.choice((b"[", b'{"a":', b"[{")) * dice.choice((20, 1500))
        case 2:
            return dice.choice((b"off", b"on", b"start", b"online", b"", b"null"))
        case 3:
            return ink(dice).encode(errors="surrogatepass")
    tree = {key: json_value(dice) for key in keys if dice.random() < 0.7}
    return json.dumps(tree, ensure_ascii=dice.random() < 0.5).encode(
        errors="surrogatepass"
    )


def message(dice):
    """Return a message from the broker: on any topic, retained or not."""
    whom = dice.choice(("bridge", EVIL, GOOD, "nobody", ink(dice, 4)))
    verb = dice.choice(VERBS) if dice.random() < 0.9 else ink(dice, 4)
    topic = f"sleepgate/{whom}/request/{verb}".encode(errors="surrogatepass")
    if (kind := dice.random()) < 0.1:
        topic = dice.choice((b"homeassistant/status", b"sleepgate/bridge/state"))
    elif kind < 0.2:
        topic = dice.choice((dice.randbytes(9), ink(dice).encode(errors="replace")))
    sent = payload(
        dice, ("transaction", "from", "to", "action", "text", "state", ink(dice, 2))
    )
    if whom == GOOD and verb == "session":
        sent = b"\xff" + sent  # to end it is anybody's good right
    response = correlation = None
    if dice.random() < 0.3:
        response = dice.choice(
            ("sleepgate/bridge/response/x", "a", f"sleepgate/{ink(dice, 4)}", ink(dice))
        )
        correlation = dice.randbytes(dice.choice((0, 8, 70_000)))
    return mqtt_message(
        topic,
        sent,
        retained=dice.random() < 0.2,
        response=response,
        correlation=correlation,
    )


def control_bytes(dice):
    """Return what a client writes to the control socket."""
    keys = ("do", "device", "text", "off", ink(dice, 2))
    lines = []
    for _ in range(dice.randint(1, 4)):
        line = payload(dice, keys)
        if dice.random() < 0.5:
            do = dice.choice(("status", "mark", "lights", "start", "stop", ink(dice)))
            whom = EVIL if do in ("start", "stop") else dice.choice((GOOD, EVIL))
            tree = {"do": do, "device": whom, "text": ink(dice), "off": True}
            line = json.dumps(tree).encode()
        elif b"stop" in line:
            line = b"\xff" + line
        lines.append(line)
    return b"\n".join(lines) + b"\n" * dice.randrange(2)


def moment(dice):
    """Return any time that a wall clock can show, often an odd one."""
    odd = (
        *(EPOCH_0, datetime(2000, 1, 1, tzinfo=UTC), LAST - timedelta(seconds=100)),
        *(datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC), LAST - timedelta(hours=11)),
    )
    if dice.random() < 0.4:
        return dice.choice(odd)
    span_s = (LAST - EPOCH_0).total_seconds() - 200
    return EPOCH_0 + timedelta(seconds=dice.uniform(0, span_s))


def flipped(dice, data):
    """Return `data` with one bit flipped."""
    changed = bytearray(data)
    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


class EvilDiy:
    """A headband of the open profile with any description, and frames to match.

    Attributes
    ----------
    name, driver : str
    """

    driver = "diy"

    def __init__(self, dice):
        self._dice = dice
        self.name = ink(dice)
        self._streams = self._draw()
        self._boot_id = dice.getrandbits(31)

    def _draw(self):
        """Draw streams: id, rate in Hz, channels and bytes of a sample."""
        dice, streams, left = self._dice, [], 22
        for wire_id in range(dice.choice((1, 1, 1, 2, 5, 18))):
            n = min(left, dice.choice((1, 2, 2, 4, 16)))
            left -= n
            hertz = (
                dice.choice(HERTZ) if dice.random() < 0.7 else 1 + 499 * dice.random()
            )
            if n and (hertz * n <= 9000 or dice.random() < 0.1):
                streams.append((wire_id, hertz, n, dice.choice((2, 3))))
        return streams or [(0, 100.0, 2, 2)]

    def answers(self):
        """Return the answers of the handshake, in the order in which they are read."""
        dice = self._dice
        if dice.random() < 0.2:
            self._streams = self._draw()
        if dice.random() < 0.2:
            self._boot_id += 1
        value = self._info()
        if dice.random() < 0.1:
            value = flipped(dice, value)
        return [value, bytes([dice.randrange(256)]), *[dice.randbytes(3)] * 4]

    def _info(self):
        dice, body = self._dice, b""
        for wire_id, hertz, n, width in self._streams:
            body += struct.pack(
                "<BBBBIB", wire_id, 1, n, width - 1, round(1000 * hertz), 10
            )
            for k in range(n):
                label = LABELS[k] if dice.random() < 0.6 else dice.choice(LABELS)
                volts = dice.choice((0.5e-6, 0.5e-6, 1e-45, 0.9, -1e-6))
                zero = dice.choice((0, 0, -(2**31), 2**31 - 1))
                role = dice.randint(1, 4)
                body += struct.pack("<Bfi8s", role, volts, zero, label)
        tick_hz = dice.choice((32_768, 32_768, 0, 1, 2**32 - 1))
        ids = 0xA7, tick_hz, self._boot_id, len(self._streams)
        return struct.pack("<BBHIIIB", 1, 0, 17 + len(body), *ids) + body

    def notifications(self, info):
        """Yield 31 s of frames and more, honest or not, until it hangs up."""
        dice = self._dice
        how = dice.choice(
            ("honest", "honest", "leap", "dice", "backwards", "flood", "rubbish")
        )
        # a count that goes on is believed over a day; another boot's is not
        self._boot_id += how in ("leap", "dice")
        index = dict.fromkeys(range(len(self._streams)), 0)
        start = dice.choice((0, 0, 2**32 - 500))
        gap_s = 0.0 if how == "flood" else 0.25
        for turn in range(dice.choice((3, 130, 130, 400))):
            for at, (_, hertz, n, width) in enumerate(self._streams):
                room = (500 - 14) // (n * width)
                n_samples = max(1, min(round(hertz * 0.25), room, 255))
                step = n_samples
                if how == "leap":
                    step = round(hertz * dice.choice((0.25, 50, 3500)))
                index[at] += -7 if how == "backwards" else step
                sent = index[at] + start
                if how == "dice":
                    sent = dice.getrandbits(32)
                data = self._frame(at, sent, n_samples, n * width, turn)
                if how == "rubbish" and dice.random() < 0.98:
                    data = dice.randbytes(dice.choice((0, 1, 12, 512)))
                yield gap_s / len(self._streams), diy.DATA, data
            if dice.random() < 0.05:
                char = dice.choice((diy.STATUS, diy.CONTROL, BATTERY_LEVEL))
                yield 0.0, char, dice.randbytes(dice.randrange(12))
        if dice.random() < 0.3:
            yield 3600.0, diy.DATA, b""  # silence

    def _frame(self, at, index, n_samples, sample_bytes, turn):
        dice, wire_id = self._dice, self._streams[at][0]
        flags = dice.choice((0, 0, 0, 0, 1, 2, 4))
        ticks = dice.getrandbits(32) if dice.random() < 0.1 else turn * 8192
        head = (0x10 | flags, wire_id, n_samples & 255, 0xA7)
        frame = struct.pack("<BBBBII", *head, index % 2**32, ticks % 2**32)
        frame += dice.randbytes(n_samples * sample_bytes)
        frame += b"\0\0" if flags & 2 else b""
        if flags & 4:
            frame += binascii.crc_hqx(frame, 0xFFFF).to_bytes(2, "little")
        return frame


class EvilOther:
    """A headband of another driver; plays mutated sessions of the decoders' fuzzing.

    Attributes
    ----------
    name, driver : str
    """

    def __init__(self, dice):
        self._dice = dice
        self.driver = dice.choice([name for name in drivers.names() if name != "diy"])
        self.name = ink(dice)

    def answers(self):
        """Return answers of the handshake: the example's, or mutated ones."""
        return [step.payload for step in self._steps()]

    def notifications(self, _info):
        """Yield 31 s of notifications and more, until it hangs up."""
        driver, left_s = drivers.load(self.driver), 40.0
        chars = [*driver.notify, *driver.also_notify, driver.service]
        for step in cycle(self._steps() or [session.Step(0, 1, b"")]):
            gap_s = max(0.004, session.GAPS_S[step.gap % len(session.GAPS_S)])
            left_s -= gap_s
            if left_s < 0:
                return
            yield gap_s, chars[step.char % len(chars)], step.payload

    def _steps(self):
        corpus = seeds.examples(self.driver)
        return session.read(mutate.mutated(self._dice, corpus))[1]


def headband(dice):
    """Draw a headband that means harm, or none."""
    kind = dice.random()
    if kind < 0.1:
        return None
    return EvilDiy(dice) if kind < 0.75 else EvilOther(dice)
