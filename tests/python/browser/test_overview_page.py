"""The page of a look at data in a real browser: headless Chromium, over file://, as a reader opens it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from unicl.data import BadSample, Overview, Sample, look_at_data, write_overview

from .contrast import CONTRAST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser, Page

WIDTHS = (1280, 768, 390)
CLASSES = ("owl", "Owl", "<b>cat</b>", 'a "dog"', "a class with a very long name that goes on and on and on", "bus")


class Rows:
    """Rows with classes and captions of all kinds; each fifth is bad."""

    format, schema = "Parquet", {"image": "jpg", "captions": "txt"}
    class_names, has_captions = CLASSES, True

    def __init__(self, name: str, rows: int) -> None:
        self.name, self._rows = name, rows

    def __len__(self) -> int:
        return self._rows

    def take(self, rows: Sequence[int]) -> list[Sample | BadSample]:
        return [self._row(row) for row in rows]

    def _row(self, row: int) -> Sample | BadSample:
        if row % 5 == 4:
            return BadSample(f"{self.name}, row {row}", "missing image", f"there is no file /data/{row}<i>.jpg")
        content = io.BytesIO()
        Image.new("RGB", (90 + row, 60), (20 * row % 256, 90, 160)).save(content, "PNG")
        captions = (f"an owl on a branch {'and a bus ' * (row % 7)}", "<script>alert(1)</script>", "x" * 400)
        return Sample(
            key=f"row-{row}", image=content.getvalue(), captions=captions[: row % 4], classes=(CLASSES[row % 6],)
        )


@pytest.fixture(scope="module")
def overview() -> Overview:
    return look_at_data([Rows("first <source>", 40), Rows("second", 23)])


@pytest.fixture(scope="module")
def url(overview: Overview, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("overview") / "page.html"
    write_overview(overview, path)
    return path.as_uri()


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    opened = browser.new_page()
    opened.goto(url)
    yield opened
    opened.close()


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser: Browser, url: str) -> None:
    page, complaints, requests = browser.new_page(), [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(url, wait_until="networkidle")
    page.close()
    assert complaints == []
    assert [each for each in requests if not each.startswith("data:image/jpeg;base64,")] == [url]


def test_each_source_has_its_table_and_its_contact_sheet(page: Page, overview: Overview) -> None:
    parts = [overview.together, *overview.sources]
    assert [text.split("  ")[0].removesuffix(" Parquet") for text in page.locator("h2").all_text_contents()] == [
        part.name for part in parts
    ]
    assert page.locator("table.facts").count() == 3
    assert page.locator(".tile").count() == sum(len(part.sheet) for part in parts)
    assert page.locator(".fault").count() == sum(bool(each.fault) for part in parts for each in part.sheet)
    assert page.locator(".fault").first.inner_text().startswith("missing image: there is no file /data/")


def test_every_image_is_decoded_and_described(page: Page) -> None:
    images = page.locator("img")
    for image in images.all():
        image.scroll_into_view_if_needed()  # far below they are loaded when they come into view
    shown = images.evaluate_all("all => all.map(img => [img.complete && img.naturalWidth > 0, img.alt])")
    assert shown
    assert all(loaded and alt.startswith("Image of ") and alt != "Image of " for loaded, alt in shown)
    charts = page.locator("svg").evaluate_all("all => all.map(svg => [svg.getAttribute('role'), svg.ariaLabel])")
    assert charts
    assert all(role == "img" and label for role, label in charts)


def test_markup_in_captions_classes_and_names_is_shown_as_text(page: Page) -> None:
    assert page.locator("script").count() == page.locator("main b").count() == page.locator("main i").count() == 0
    shown = page.locator("main").inner_text()
    for text in ("<script>alert(1)</script>", "<b>cat</b>", 'a "dog"', "first <source>"):
        assert text in shown


def test_bars_are_as_long_as_their_numbers(page: Page) -> None:
    chart = page.locator(".chart", has_text="Largest classes").first
    numbers = [int(text.replace(",", "")) for text in chart.locator(".number").all_text_contents()]
    drawn = chart.locator(".bar").evaluate_all("all => all.map(bar => bar.offsetWidth / bar.parentElement.clientWidth)")
    assert drawn == pytest.approx([number / max(numbers) for number in numbers], abs=0.01)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    right = page.evaluate(
        "Math.max(...[...document.querySelectorAll('main *')].map(one => one.getBoundingClientRect().right))"
    )
    assert right <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_in_light_and_dark(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(ground) < 60) == (scheme == "dark")
    pairs = page.evaluate(CONTRAST)
    assert len(pairs) > 200
    assert [pair for pair in pairs if pair[0] < 4.5] == []  # WCAG 2.2, 1.4.3
