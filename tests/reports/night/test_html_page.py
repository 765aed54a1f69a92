"""The morning's page: whole in itself, true to the night, safe with any name."""

import json
import re
from datetime import UTC, timedelta, timezone
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.evaluation.bland_altman import agree_over_nights
from gateway.formats.night_statistics import yasa_statistics
from gateway.models.load import read_model
from gateway.reports.bland_altman_svg import bland_altman_svg
from gateway.reports.night.html_page import report_html
from gateway.reports.night.night_report import NightReport, loss_spans
from gateway.reports.night.svg_picture import report_svg
from gateway.staging.scored_night import ScoredNight
from gateway.staging.stage import Refusal, Stage
from tests.support.scored_nights import night_of, nights

LINKS = {"src", "href", "xlink:href"}


def report_of(night: ScoredNight, **more) -> NightReport:
    details = {"zone": UTC, "zone_name": "UTC", "version": "0.1.0"} | more
    return NightReport(night=night, **details)


def parsed(picture):
    return ET.fromstring(picture)  # noqa: S314 (our own)


class Page(HTMLParser):
    """Checks nesting; collects words, links and the script's data."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.data = ""
        self.feed(content.decode())
        self.close()

    def handle_startendtag(self, tag, attrs):
        self.links += [v for k, v in attrs if k in LINKS]

    def handle_starttag(self, tag, attrs):
        self.links += [v for k, v in attrs if k in LINKS]
        self.is_data = ("id", "night") in attrs
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["script"] and self.is_data:
            self.data = data
        elif self.open[-1:] not in (["script"], ["style"]):
            self.words.append(data)


@given(nights)
@settings(max_examples=40)
def test_any_night_is_a_whole_page_that_asks_the_network_for_nothing(night):
    content = report_html(report_of(night))
    page = Page(content)
    assert page.open == []
    assert page.links == []
    assert not re.search(rb"url\(|@import|https?://(?!www.w3.org)", content)
    data = json.loads(page.data)
    names = [s.value if isinstance(s, Stage) else None for s in night.stages]
    assert data["stages"] == names
    parsed(report_svg(report_of(night)))


def test_a_name_is_never_markup():
    evil = "</script><script>alert(1)</script>&<b>"
    night = night_of([Stage.W, Refusal.GAP], name=evil, notes=(evil,))
    content = report_html(report_of(night, expert=[Stage.W], expert_name=evil))
    assert b"alert(1)</script>" not in content
    assert evil in "".join(Page(content).words)
    assert evil in "".join(parsed(report_svg(report_of(night))).itertext()) or (
        night.dated
    )


def test_the_statistics_on_the_page_are_yasas():
    stages = [Stage.W] * 9 + [Stage.N1] * 3 + [Stage.N2] * 40 + [Stage.R] * 11
    stages += [Refusal.LOW_QUALITY, Stage.W, Stage.W]
    report = report_of(night_of(stages))
    words = " ".join("".join(Page(report_html(report)).words).split())
    numbers = yasa_statistics(report.live_summary)
    assert f"Total sleep time{'TST'}{numbers['TST']:g} min" in words
    assert f"SE{numbers['SE']:.1f} %" in words
    assert "Refused as artefactART0.5 min" in words


def test_times_are_of_the_zone_asked_for():
    zone = timezone(timedelta(hours=1))
    report = report_of(night_of([Stage.N2] * 300), zone=zone, zone_name="CET")
    words = "".join(Page(report_html(report)).words)
    assert "23:14 to 01:44, CET" in words


def test_lost_epochs_are_listed_with_time_and_reason():
    stages = [Stage.N2] * 2 + [Refusal.GAP] * 3 + [Stage.N2] + [Refusal.LOW_QUALITY]
    night = night_of(stages)
    first, second = loss_spans(night)
    assert (first.first, first.n_epochs, first.lost_s, first.refused) == (
        2,
        3,
        90,
        True,
    )
    assert second.what == "signal not usable"
    words = " ".join("".join(Page(report_html(report_of(night))).words).split())
    assert "22:15:30 to 22:17:00samples lost390 sno" in words.replace(" 3", "3")
    assert "90 s of signal never arrived (42.86 % of the night)" in words


def test_a_model_that_is_no_longer_installed_is_named():
    words = "".join(Page(report_html(report_of(night_of([Stage.W])))).words)
    assert "no longer installed" in words
    about = {"limits": ["Research use."], "figures_int8": {}}
    words = "".join(
        Page(report_html(report_of(night_of([Stage.W]), about=about))).words
    )
    assert "Research use." in words


def test_the_shipped_models_figures_stand_with_their_intervals():
    about = read_model("default").card.about
    page = Page(report_html(report_of(night_of([Stage.W]), about=about)))
    words = " ".join(page.words)
    for name, found in about["figures_int8"].items():
        assert name in words
        low, high = found["kappa"]["interval_95"]
        assert f"{found['kappa']['value']:.2f} {low:.2f}-{high:.2f}" in words
    assert about["limits"][0] in words


def test_a_card_may_give_numbers_without_intervals_or_none():
    figures = {"some nights": {"accuracy": 0.8, "n_epochs": 7}}
    about = {"figures_int8": figures}
    page = Page(report_html(report_of(night_of([Stage.W]), about=about)))
    words = page.words
    at = words.index("some nights")
    assert words[at : at + 5] == ["some nights", "80%", "-", "7", "-"]


@pytest.mark.parametrize("theme", ["light", "dark", "both"])
def test_a_picture_is_well_formed_in_every_theme(theme):
    night = night_of([Stage.W, Stage.N1, Refusal.GAP, Stage.N2] * 100)
    picture = report_svg(report_of(night), theme)
    assert parsed(picture).get("width") == "1200"
    assert (b"prefers-color-scheme" in picture) == (theme == "both")


@given(
    st.lists(
        st.tuples(st.floats(0, 600), st.floats(-200, 200)), min_size=3, max_size=12
    )
)
@settings(max_examples=40)
def test_any_nights_can_be_drawn(pairs):
    reference = [x for x, _ in pairs]
    ours = [x + by for x, by in pairs]
    found = agree_over_nights(ours, reference)
    root = parsed(bland_altman_svg({"TST": found, "SE": None}))
    circles = [e for e in root.iter() if e.tag.endswith("circle")]
    assert len(circles) == len(pairs)
    assert all(-50 <= float(c.get("cy")) <= 370 for c in circles)
