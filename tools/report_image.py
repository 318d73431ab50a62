"""Draws the first screen of a report page as the small image in README.

Usage, after ``make demo``: ``python tools/report_image.py runs/demo/report.html docs/report.png``. It needs chromium.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1280, 850
COLORS = 64


def draw(page: Path) -> Image.Image:
    """Opens the page in a headless browser and gives its first screen, in few colours.

    Raises:
        FileNotFoundError: There is no such page, or no chromium.
    """
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not page.is_file() or browser_path is None:
        raise FileNotFoundError(f"expected the page {page} and a chromium; got {page.is_file()} and {browser_path}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        tab.goto(page.resolve().as_uri())
        shot = Image.open(io.BytesIO(tab.screenshot()))
        browser.close()
    return shot.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    draw(source).save(target, optimize=True)
