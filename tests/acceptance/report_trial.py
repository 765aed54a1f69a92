"""Report rendered by Chromium, and checked; see scripts/test-report."""

import json
import subprocess
import sys
import tempfile
from datetime import datetime
from html import escape
from pathlib import Path

import edfio

from sim.night.synthetic_night import synthetic_night

BEGAN = datetime(2026, 2, 13, 23, 4, 12)  # noqa: DTZ001 (EDF has no time zone)
LOST = ((4000, 7), (9000, 340), (9900, 2), (15000, 2.5), (20000, 90))
SIZES = {"wide": (1100, 1500), "phone": (390, 1500)}
BROWSER = [
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--hide-scrollbars"),
    *("--disable-component-update", "--disable-sync", "--enable-logging=stderr"),
]
REPORT = [sys.executable, "-m", "gateway", "report", "--html", "--svg"]
# a window is never narrower than 500 pixels; a frame in it is
FRAME = """<!doctype html><body style="margin:0"><iframe srcdoc="{}"
style="width:{}px;height:{}px;border:0;color-scheme:light dark"></iframe></body>"""
NARROWEST = 500
DARK = "--blink-settings=preferredColorScheme=0"
# appended to a copy of the page; what it finds goes into the document's own text
PROBE = """
<script>
addEventListener("load", () => {
  const seen = { errors: [], charts: {}, wide: [], hidden: [] };
  addEventListener("error", (event) => seen.errors.push(event.message));
  for (const chart of document.querySelectorAll(".plot svg")) {
    const box = chart.getBoundingClientRect();
    const marks = [...chart.querySelectorAll("rect, path")].filter((mark) => {
      const drawn = mark.getBoundingClientRect();
      return drawn.width > 0 && getComputedStyle(mark).fill !== "rgb(0, 0, 0)";
    });
    seen.charts[chart.classList[0]] = [box.width, box.height, marks.length];
  }
  const edge = document.documentElement.clientWidth;
  for (const part of document.querySelectorAll("h1, h2, p, li, b, span, summary")) {
    if (part.getBoundingClientRect().right > edge + 1) seen.wide.push(part.textContent);
  }
  const plot = document.querySelector(".plot svg").getBoundingClientRect();
  document.querySelector(".chart").dispatchEvent(new PointerEvent("pointermove",
    { clientX: plot.left + plot.width / 2, clientY: plot.top, bubbles: true }));
  seen.readout = document.querySelector(".readout").textContent;
  for (const box of document.querySelectorAll(".scroll"))
    if (box.scrollWidth > box.clientWidth + 1) seen.hidden.push(box.textContent);
  seen.page = getComputedStyle(document.body).backgroundColor;
  seen.tall = document.documentElement.scrollHeight;
  const result = document.createElement("pre");
  result.id = "seen";
  result.textContent = JSON.stringify(seen);
  (parent === window ? document.body : parent.document.body).replaceChildren(result);
});
</script>
"""


def recording(folder: Path) -> Path:
    """Write a synthetic night with losses, and its hypnogram."""
    night, stages = synthetic_night(3, 7.6)
    signals = [
        edfio.EdfSignal.from_digital(
            row[: int(len(row) // stream.sfreq * stream.sfreq)],
            stream.sfreq,
            label=f"{channel.modality.value} {channel.label}",
            physical_dimension="uV",
            physical_range=(-32768 * channel.lsb_uv, 32767 * channel.lsb_uv),
            digital_range=(-32768, 32767),
        )
        for stream, counts in zip(night.montage.streams, night.counts, strict=True)
        for channel, row in zip(stream.channels, counts, strict=True)
    ]
    header = {"recording": edfio.Recording(startdate=BEGAN.date())}
    header |= {"starttime": BEGAN.time()}
    gaps = [edfio.EdfAnnotation(at, length, "BAD_gap") for at, length in LOST]
    path = folder / "SYN1234-PSG.edf"
    edfio.Edf(signals, annotations=gaps, **header).write(path)
    epochs = [
        edfio.EdfAnnotation(30 * i, 30, stage.edf_annotation)
        for i, stage in enumerate(stages)
    ]
    edfio.Edf([], annotations=epochs, **header).write(folder / "SYN1234-Hypnogram.edf")
    return path


def browse(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Open a page in a browser that has no past."""
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            [*BROWSER, f"--user-data-dir={profile}", *options, page.as_uri()],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )


def framed(page: Path, size: tuple[int, int]) -> Path:
    """Return the page, in a frame where no window is as narrow."""
    if size[0] >= NARROWEST:
        return page
    path = page.with_name(f"framed-{page.name}")
    path.write_text(FRAME.format(escape(page.read_text()), *size))
    return path


def check(page: Path, size: tuple[int, int], theme: list[str]) -> tuple[str, int]:
    """Exit if the page is not as it should be; return its colour and its height."""
    window = f"--window-size={size[0]},{size[1]}"
    dump = browse(framed(page, size), window, *theme, "--dump-dom")
    noise = [line for line in dump.stderr.splitlines() if ":CONSOLE" in line]
    if noise:
        sys.exit(f"on the console: {noise}")
    text = dump.stdout.partition('<pre id="seen">')[2].partition("</pre>")[0]
    found = json.loads(text.replace("&amp;", "&"))
    if found["errors"] or found["wide"] or found["hidden"]:
        sys.exit(f"{size}: {found}")
    wanted = {"hypnogram", "hypnodensity", "quality", "ribbon", "differences"}
    if set(found["charts"]) != wanted:
        sys.exit(f"charts: {sorted(found['charts'])}")
    for name, (width, height, marks) in found["charts"].items():
        if not size[0] / 2 <= width <= size[0] or height < 5 or not marks:
            sys.exit(f"{name} is not to be seen: {width} x {height}, {marks} marks")
    if "epoch 456" not in found["readout"]:
        sys.exit(f"the readout is {found['readout']!r}")
    return found["page"], found["tall"]


def main() -> None:
    """Make the night, its report and the pictures."""
    keep = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        night = recording(folder)
        subprocess.run(
            [*REPORT, str(night), "--out", str(folder)],
            check=True,
            capture_output=True,
        )
        page = folder / "SYN1234-PSG_report.html"
        probed = folder / "probed.html"
        probed.write_text(page.read_text().replace("</body>", PROBE + "</body>"))
        keep.mkdir(parents=True, exist_ok=True)
        colours = set()
        for width, size in SIZES.items():
            for theme, options in (("light", []), ("dark", [DARK])):
                colour, tall = check(probed, size, options)
                colours.add((theme, colour))
                picture = keep / f"report-{width}-{theme}.png"
                whole = size[0], tall
                window = f"--window-size={size[0]},{tall}"
                shown = framed(page, whole)
                browse(shown, window, *options, f"--screenshot={picture}")
                print(f"{picture}: {size[0]} x {tall}, page {colour}")
        if len(colours) != 2:
            sys.exit(f"light and dark are not two: {colours}")
        paper = keep / "report.pdf"
        browse(page, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
        print(f"{paper}: {paper.stat().st_size} bytes")


if __name__ == "__main__":
    main()
