"""The report page in a real browser: headless Chromium, over file://, as a reader opens it.

Without a browser these tests are skipped with a reason; where the environment variable CI is set they fail instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unicl.evaluation import Report, write_report

from .contrast import CONTRAST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

WIDTHS = (1280, 768, 390)


@pytest.fixture(scope="module")
def report_url(sample_report: Report, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(sample_report, path)
    return path.as_uri()


@pytest.fixture
def page(browser: Browser, report_url: str) -> Iterator[Page]:
    opened = browser.new_page()
    opened.goto(report_url)
    yield opened
    opened.close()


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser: Browser, report_url: str) -> None:
    page, complaints, requests = browser.new_page(), [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report_url, wait_until="networkidle")
    page.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:image/png;base64,")] == [report_url]


def test_the_table_has_every_objective_and_marks_the_best(page: Page, sample_report: Report) -> None:
    rows = page.locator("tbody tr")
    assert rows.locator("th[scope=row]").all_text_contents() == [row.objective for row in sample_report.rows]
    assert page.locator("thead th[scope=col]").count() == 1 + len(sample_report.columns)
    marked = [
        (td.evaluate("td => [td.parentElement.rowIndex - 2, td.cellIndex - 1]"), td.inner_text())
        for td in page.locator("td.best").all()
    ]
    assert [place for place, _ in marked if place[1] == 0] == [[2, 0]]  # unicl has the best mean top-1 of subgroups
    assert {column for (_, column), _ in marked} == set(range(len(sample_report.columns)))
    assert all("(best)" in text for _, text in marked)  # for readers who cannot see the mark
    assert page.locator("tr.reference td.best").count() == 0


def test_every_image_is_decoded_and_described(page: Page, sample_report: Report) -> None:
    images = page.locator("img").evaluate_all("all => all.map(img => [img.complete && img.naturalWidth, img.alt])")
    captions = [caption for caption in sample_report.captions if caption.image]
    shown = [*sample_report.predictions, *captions]
    assert images == [[96, f"Image of {one.caption}"] for one in shown]


def test_wrong_predictions_are_shown_as_plainly_as_right_ones(page: Page, sample_report: Report) -> None:
    verdicts = ["✓ right" if prediction.correct else "✗ wrong" for prediction in sample_report.predictions]
    assert page.locator(".verdict").all_text_contents() == verdicts
    assert f"right for {verdicts.count('✓ right')} of these {len(verdicts)}" in page.locator("main").inner_text()
    sizes = page.locator(".verdict").evaluate_all("all => all.map(one => getComputedStyle(one).font)")
    assert len(set(sizes)) == 1


def test_guesses_are_drawn_as_wide_as_they_are_probable(page: Page, sample_report: Report) -> None:
    drawn = page.locator(".bar").evaluate_all("all => all.map(bar => bar.offsetWidth / bar.parentElement.clientWidth)")
    probabilities = [probability for prediction in sample_report.predictions for _, probability in prediction.guesses]
    assert drawn == pytest.approx(probabilities, abs=0.01)


def test_captions_read_as_they_were_with_their_labels_beside(page: Page, sample_report: Report) -> None:
    texts = page.locator(".captions p").evaluate_all(
        "all => all.map(p => { const copy = p.cloneNode(true);"
        " copy.querySelectorAll('.label').forEach(label => label.remove()); return copy.textContent; })"
    )
    assert texts == [caption.caption for caption in sample_report.captions]
    labels = [phrase.label for caption in sample_report.captions for phrase in caption.phrases if phrase.label]
    assert page.locator(".captions .label").all_text_contents() == labels


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    right = page.evaluate(
        "Math.max(...[...document.querySelectorAll('main *')].filter(one => !one.closest('.scroll'))"
        ".map(one => one.getBoundingClientRect().right))"
    )
    assert right <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_one_drawing_of_the_curves_is_seen_with_a_line_for_each_objective(
    page: Page, sample_report: Report, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    drawing = page.locator("[role=img]:visible")
    assert drawing.count() == 1
    assert page.locator(".legend li").count() == len(sample_report.curves)
    for number in range(len(sample_report.curves)):
        assert drawing.locator(f"path[style*='--series-{number})']").count() == 2  # raw and smoothed
    smallest = drawing.locator("text").evaluate_all(
        "all => Math.min(...all.map(text => text.getBoundingClientRect().height))"
    )
    assert smallest >= 9


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_in_light_and_dark(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(ground) < 60) == (scheme == "dark")
    pairs = page.evaluate(CONTRAST)
    assert len(pairs) > 200
    assert [pair for pair in pairs if pair[0] < 4.5] == []  # WCAG 2.2, 1.4.3


def test_the_curves_follow_the_colour_scheme(page: Page) -> None:
    color = "() => getComputedStyle(document.querySelector(\".wide path[style*='--series-0)']\")).stroke"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(color)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(color) != light


def test_paper_stays_light_and_shows_the_whole_table(page: Page) -> None:
    page.set_viewport_size({"width": 794, "height": 1123})  # A4 at 96 dots an inch
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(250, 249, 247)"
    assert page.evaluate("document.querySelector('table').getBoundingClientRect().right") <= 794
