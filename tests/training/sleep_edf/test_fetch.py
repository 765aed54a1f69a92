"""Nights arrive whole or not at all, however the server behaves."""

import hashlib
import http.server
import itertools
import socket
import threading

import numpy as np
import pytest

from training.errors import FetchError
from training.progress import Progress
from training.sleep_edf import download as module
from training.sleep_edf.catalogue import NIGHTS, wanted
from training.sleep_edf.download import PATIENCE, download
from training.sleep_edf.fetch import fetch

CONTENT = np.random.default_rng(0).bytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Serve `files`; `behave(handler, body, first)` answers a request, or is None."""

    def __init__(self):
        self.files, self.ranges, self.behave = {}, [], None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.answer(self)

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def answer(self, handler):
        body = self.files.get(handler.path.lstrip("/"))
        if body is None:
            handler.send_error(404)
            return
        asked = handler.headers.get("Range")
        self.ranges.append(asked)
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if self.behave is None:
            honest(handler, body, first)
        else:
            self.behave(handler, body, first)


def honest(handler, body, first, *, length=None, send=None):
    if first and first >= len(body):
        handler.send_response(416)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    rest = body[first:]
    handler.send_response(206 if first else 200)
    handler.send_header("Content-Length", str(length or len(rest)))
    if first:
        last = len(body) - 1
        handler.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
    handler.end_headers()
    handler.wfile.write(rest if send is None else rest[:send])


def hang_up(handler):
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


@pytest.fixture
def server():
    server = Server()
    server.files["night.edf"] = CONTENT
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def get(server, tmp_path):
    """Return a function that downloads, and the pauses it made."""
    pauses = []

    def run(digest=DIGEST, told=lambda *_: None):
        target = tmp_path / "night.edf"
        download(server.url + "night.edf", target, digest, told, pauses.append)
        return target

    run.pauses = pauses
    return run


def nothing_under_the_final_name(folder):
    return not (folder / "night.edf").exists()


def test_a_file_arrives(get):
    seen = []
    assert get(told=lambda got, of: seen.append((got, of))).read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert not get.pauses


def test_what_is_there_and_right_is_not_asked_for_again(get, server):
    get()
    server.ranges.clear()
    get()
    assert not server.ranges


def test_what_is_there_and_wrong_is_fetched_again(get, tmp_path):
    (tmp_path / "night.edf").write_bytes(b"half")
    assert get().read_bytes() == CONTENT


def test_a_connection_that_keeps_dropping_costs_no_byte_twice(get, server):
    def behave(handler, body, first):
        honest(handler, body, first, send=40_000)
        hang_up(handler)

    server.behave = behave
    assert get().read_bytes() == CONTENT
    firsts = [int(asked[6:-1]) for asked in server.ranges[1:]]
    assert firsts == list(range(40_000, len(CONTENT), 40_000))


def test_a_download_goes_on_where_an_earlier_program_died(get, server, tmp_path):
    (tmp_path / "night.edf.partial").write_bytes(CONTENT[:123_456])
    assert get().read_bytes() == CONTENT
    assert server.ranges == ["bytes=123456-"]


def test_a_partial_file_that_is_whole_needs_nothing_more(get, server, tmp_path):
    (tmp_path / "night.edf.partial").write_bytes(CONTENT)
    assert get().read_bytes() == CONTENT


def test_a_partial_file_of_something_else_is_started_afresh(get, tmp_path):
    (tmp_path / "night.edf.partial").write_bytes(b"x" * 1000)
    assert get().read_bytes() == CONTENT


def test_a_partial_file_that_is_too_long_is_started_afresh(get, tmp_path):
    (tmp_path / "night.edf.partial").write_bytes(CONTENT + b"more")
    assert get().read_bytes() == CONTENT


def test_a_server_that_ignores_ranges(get, server):
    calls = itertools.count()

    def behave(handler, body, first):
        cut = 100_000 if next(calls) == 0 else None
        honest(handler, body, 0, send=cut)
        if cut:
            hang_up(handler)

    server.behave = behave
    assert get().read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-"]


def test_a_server_that_answers_another_range(get, server, tmp_path):
    (tmp_path / "night.edf.partial").write_bytes(CONTENT[:50_000])

    def behave(handler, body, first):
        honest(handler, body, first // 2)

    server.behave = behave
    assert get().read_bytes() == CONTENT


def test_a_length_that_promises_too_much(get, server):
    def behave(handler, body, first):
        honest(handler, body, first, length=len(body) + 5000)
        hang_up(handler)

    server.behave = behave
    assert get().read_bytes() == CONTENT


def test_a_length_that_promises_too_little(get, server):
    def behave(handler, body, first):
        honest(handler, body, first, length=min(90_000, len(body) - first), send=90_000)

    server.behave = behave
    assert get().read_bytes() == CONTENT


def test_no_length_at_all(get, server):
    def behave(handler, body, first):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(body)
        hang_up(handler)

    server.behave = behave
    assert get().read_bytes() == CONTENT


def test_corrupt_once_is_fetched_again(get, server):
    calls = itertools.count()

    def behave(handler, body, first):
        wrong = next(calls) < 2  # the second time because it asks for a rest
        honest(handler, b"\0" * len(body) if wrong else body, first)

    server.behave = behave
    assert get().read_bytes() == CONTENT


@pytest.mark.parametrize("ranges", [True, False])
def test_corrupt_for_ever_is_refused_and_nothing_is_left(get, server, tmp_path, ranges):
    def behave(handler, body, first):
        honest(handler, b"\0" * len(body), first if ranges else 0)

    server.behave = behave
    with pytest.raises(FetchError, match="SHA-256"):
        get()
    assert nothing_under_the_final_name(tmp_path)
    assert not (tmp_path / "night.edf.partial").exists()
    assert len(server.ranges) <= 4


def test_a_server_that_is_slow_is_waited_for(get, server, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    calls = itertools.count()
    release = threading.Event()

    def behave(handler, body, first):
        if next(calls) == 0:
            honest(handler, body, first, send=60_000)
            handler.wfile.flush()
            release.wait(10)  # longer than the client has patience
            hang_up(handler)
        else:
            honest(handler, body, first)

    server.behave = behave
    assert get().read_bytes() == CONTENT
    release.set()
    assert server.ranges == [None, "bytes=60000-"]


def test_a_busy_server_is_asked_again(get, server):
    calls = itertools.count()

    def behave(handler, body, first):
        if next(calls) < 3:
            handler.send_error(503)
        else:
            honest(handler, body, first)

    server.behave = behave
    assert get().read_bytes() == CONTENT
    assert get.pauses == [2.0, 4.0, 8.0]


def test_silence_ends_in_an_error_that_keeps_what_came(get, server, tmp_path):
    (tmp_path / "night.edf.partial").write_bytes(CONTENT[:7000])

    def behave(handler, body, first):
        hang_up(handler)

    server.behave = behave
    with pytest.raises(FetchError, match="7000 bytes are kept"):
        get()
    assert len(server.ranges) == PATIENCE
    assert nothing_under_the_final_name(tmp_path)


def test_a_file_that_is_not_there_is_reported_at_once(get, server):
    server.files.clear()
    with pytest.raises(FetchError, match="404"):
        get()
    assert not get.pauses


def test_a_flood_is_cut_off(get, server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 200_000)
    with pytest.raises(FetchError, match="more than 200000"):
        get()
    assert nothing_under_the_final_name(tmp_path)


# --- a whole set ---


def names(subjects):
    """Return the names of a set: two nights for each subject but one."""
    nights = NIGHTS[subjects]
    for number in range(nights):
        subject, night = divmod(number, 2)
        yield f"SC4{subject:02}{night + 1}E0-PSG.edf"
        yield f"SC4{subject:02}{night + 1}EC-Hypnogram.edf"


@pytest.fixture
def physionet(server):
    """Return a server that looks like PhysioNet's, with 39 small nights."""
    server.files = {
        f"sleep-cassette/{name}": f"content of {name}".encode() for name in names(20)
    }
    server.files["sleep-telemetry/ST7011J0-PSG.edf"] = b"telemetry"
    server.files["RECORDS"] = b"no night"
    sums = [
        f"{hashlib.sha256(body).hexdigest()}  {path}"
        for path, body in server.files.items()
    ]
    server.files["SHA256SUMS.txt"] = "\n".join(sums).encode()
    return server


def silent():
    import io  # noqa: PLC0415

    return Progress("fetch", io.StringIO())


def test_the_nights_of_twenty_subjects_and_nothing_else_arrive(physionet, tmp_path):
    paths = fetch(tmp_path / "new", 20, url=physionet.url, progress=silent())
    assert sorted(path.name for path in paths) == sorted(names(20))
    assert all(p.read_text() == f"content of {p.name}" for p in paths)
    assert len(list((tmp_path / "new").iterdir())) == 78


def test_a_list_that_is_cut_short_is_refused(physionet, tmp_path):
    whole = physionet.files["SHA256SUMS.txt"]
    physionet.files["SHA256SUMS.txt"] = whole[: len(whole) // 2]
    with pytest.raises(FetchError, match="not 39 of each"):
        fetch(tmp_path, 20, url=physionet.url, progress=silent())


def test_a_path_that_leads_out_of_the_folder_is_no_night():
    sums = f"{'0' * 64}  sleep-cassette/../../SC4001E0-PSG.edf\n"
    with pytest.raises(FetchError):
        wanted(sums, 20)


def test_an_address_where_nobody_listens_is_an_error(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        with pytest.raises(FetchError, match="internet"):
            fetch(tmp_path, 20, url=url, sleep=lambda _: None, progress=silent())


def test_the_bar_tells_how_long_it_will_take():
    import io  # noqa: PLC0415

    now = iter([0.0, 0.0, 100.0, 400.0])
    out = io.StringIO()
    progress = Progress("fetch", out, lambda: next(now))
    progress.show(0.5)
    progress.show(0.6, "SC4001")
    progress.show(1.0)
    lines = out.getvalue().splitlines()
    assert "60 %, 7 min left, SC4001" in lines[1]
    assert "100 %" in lines[2]
