"""The report page: what it refuses, what it shows, how it gets to disk."""

from __future__ import annotations

import base64
import dataclasses
import math
import os
import re
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unicl.evaluation import Column, LabelledCaption, Phrase, Prediction, Report, Row, write_report
from unicl.evaluation.report.curves import draw_curves, smooth, thin
from unicl.evaluation.report.page import caption_segments, render_report, table_cells

if TYPE_CHECKING:
    from pathlib import Path

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
COLUMNS = (Column(title="top-1", group="zero-shot"), Column(title="training", unit="seconds"))
ROWS = (
    Row(objective="clip", values=[0.1, 20.0]),
    Row(objective="unicl", values=[0.4, 30.0]),
    Row(objective="chance", values=[0.5, None], reference=True),
)


def report(**changes: object) -> Report:
    return dataclasses.replace(Report(title="A run", subtitle="Small", columns=COLUMNS, rows=ROWS), **changes)


def best(rows: tuple[Row, ...]) -> list[list[bool]]:
    return [[cell.best for cell in cells] for cells in table_cells(COLUMNS, rows)]


# The table


def test_the_best_share_is_the_highest_and_the_best_time_the_lowest() -> None:
    assert best(ROWS) == [[False, True], [True, False], [False, False]]


def test_values_that_look_the_same_are_both_marked() -> None:
    rows = (Row(objective="clip", values=[0.40000, 1.0]), Row(objective="unicl", values=[0.40001, 2.0]))
    assert best(rows) == [[True, True], [True, False]]


def test_a_value_without_a_rival_is_not_marked() -> None:
    assert best((ROWS[0], ROWS[2])) == [[False, False], [False, False]]


def test_several_seeds_show_their_mean_and_spread() -> None:
    rows = (Row(objective="unicl", values=[[0.40, 0.42], 3.0]), Row(objective="clip", values=[0.1, 3.0]))
    cells = table_cells(COLUMNS, rows)
    assert [(cell.text, cell.spread) for cell in cells[0]] == [("41.0", "1.4"), ("3.0", None)]
    assert cells[1][0].spread == ""  # one seed below a column of several: its mean keeps its place
    assert "mean over several seeds" in render_report(report(rows=rows))
    assert "mean over several seeds" not in render_report(report())


@pytest.mark.parametrize("value", [math.nan, 40.9, -0.1, [0.4, math.nan]])
def test_a_share_that_is_none_is_refused_with_objective_and_metric(value: float) -> None:
    bad = value[1] if isinstance(value, list) else value
    with pytest.raises(ValueError, match=rf"^unicl, zero-shot, top-1: expected a share in \[0, 1\]; got {bad}$"):
        report(rows=[Row(objective="unicl", values=[value, 1.0])])


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_a_time_that_is_none_is_refused_with_objective_and_metric(value: float) -> None:
    with pytest.raises(ValueError, match=rf"^unicl, training: expected finite seconds >= 0; got {value}$"):
        report(rows=[Row(objective="unicl", values=[0.4, value])])


def test_no_seeds_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"unicl, training: expected at least one number; got none: give None for a missing value"
    ):
        report(rows=[Row(objective="unicl", values=[0.4, []])])


@pytest.mark.parametrize("changes", [{"rows": []}, {"columns": []}])
def test_an_empty_table_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(
        ValueError, match=r"expected a table of at least one row and one column; got [03] rows and [02] columns"
    ):
        report(**changes)


def test_a_row_that_does_not_fit_the_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="unicl: expected 2 values, one a column; got 1"):
        report(rows=[Row(objective="unicl", values=[0.4])])


def test_two_rows_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="expected rows with different names; got 'clip' twice"):
        report(rows=[ROWS[0], ROWS[0]])


@pytest.mark.usefixtures("own_checks")
def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="expected unit to be one of 'share', 'seconds'; got 'minutes'"):
        Column(title="training", unit="minutes")  # type: ignore[arg-type]


# Curves


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.floats(0, 1))
def test_smoothing_is_the_mean_over_the_window(losses: list[float], share: float) -> None:
    half = int(len(losses) * share / 2)
    naive = [np.mean(losses[max(0, at - half) : at + half + 1]) for at in range(len(losses))]
    np.testing.assert_allclose(smooth(np.array(losses), share), naive, rtol=1e-9, atol=1e-6)


@given(st.integers(1, 3000), st.integers(1, 700))
def test_thinning_keeps_few_points_in_order(length: int, most: int) -> None:
    steps = thin([(step, 1.0) for step in range(length)], most)[:, 0]
    assert len(steps) <= most
    assert (np.diff(steps) > 0).all()


def test_curves_take_the_colours_of_the_page() -> None:
    svg = draw_curves({f"objective {number}": [(1, 2.0), (2, 1.0)] for number in range(10)}, width=6.0, height=3.0)
    assert svg.startswith("<svg")
    assert set(re.findall(r"stroke: ([^;\"]+)", svg)) == {f"var(--series-{number})" for number in range(8)} | {
        "var(--muted)"
    }


def test_the_same_report_gives_the_same_page() -> None:
    curves = {"unicl": [(1, 2.0), (2, 1.0)]}
    assert render_report(report(curves=curves)) == render_report(report(curves=curves))


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        ([], "unicl: expected a loss curve of at least one step; got none: remove it from curves"),
        ([(1, 2.0), (2, math.nan)], "unicl, loss at step 2: expected a finite number; got nan"),
        ([(2, 2.0), (2, 1.0)], "unicl: expected a loss curve with ascending steps; got 2 after 2"),
    ],
)
def test_a_bad_curve_is_refused(curve: list[tuple[int, float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        report(curves={"unicl": curve})


# Galleries


@given(st.text(min_size=1, max_size=30), st.lists(st.integers(0, 30), max_size=8))
def test_the_segments_of_a_caption_are_the_caption(text: str, cuts: list[int]) -> None:
    ends = sorted({min(cut, len(text)) for cut in cuts})
    phrases = [Phrase(start=a, end=b, label="x") for a, b in zip(ends[::2], ends[1::2], strict=False)]
    segments = caption_segments(LabelledCaption(caption=text, phrases=phrases))
    assert "".join(segment.text for segment in segments) == text
    assert [segment.text for segment in segments if segment.phrase] == [text[p.start : p.end] for p in phrases]


@pytest.mark.parametrize("spans", [[(0, 0)], [(0, 8)], [(-1, 2)], [(0, 3), (2, 5)]])
def test_phrases_outside_the_caption_or_over_one_another_are_refused(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(
        ValueError,
        match=r"'hot dog': expected phrases that are not empty, do not overlap and lie inside its 7 characters; got",
    ):
        LabelledCaption(caption="hot dog", phrases=[Phrase(start=a, end=b, label="dog") for a, b in spans])


def test_a_prediction_is_correct_if_its_first_guess_is() -> None:
    guesses = [("cat", 0.6), ("dog", 0.3)]
    assert Prediction(image=PIXEL, caption="a cat", label="cat", guesses=guesses).correct
    assert not Prediction(image=PIXEL, caption="a dog", label="dog", guesses=guesses).correct


def test_an_image_that_is_no_png_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"'a cat': expected the bytes of a PNG file as image; got bytes that begin b'GIF89a'"
    ):
        Prediction(image=b"GIF89a", caption="a cat", label="cat", guesses=[("cat", 1.0)])
    with pytest.raises(ValueError, match="'a cat': expected the bytes of a PNG file as image"):
        LabelledCaption(caption="a cat", phrases=[], image=b"")


def test_a_prediction_without_guesses_or_with_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'a cat': expected at least one guess, a \(label, probability\); got none"):
        Prediction(image=PIXEL, caption="a cat", label="cat", guesses=[])
    with pytest.raises(ValueError, match=r"'a cat', 'dog': expected a probability in \[0, 1\]; got 43.0"):
        Prediction(image=PIXEL, caption="a cat", label="cat", guesses=[("dog", 43.0)])


def test_every_text_is_escaped() -> None:
    evil = "<script>alert('&\"')</script>"
    page = render_report(
        Report(
            title=evil,
            subtitle=evil,
            columns=[Column(title=evil, group=evil, meaning=evil)],
            rows=[Row(objective=evil, values=[0.5])],
            curves={evil: [(1, 2.0)]},
            predictions=[Prediction(image=PIXEL, caption=evil, label=evil, guesses=[(evil, 1.0)])],
            captions=[LabelledCaption(caption=evil, phrases=[Phrase(start=0, end=3, label=evil)], image=PIXEL)],
            settings={evil: evil},
            notes=[evil],
            licence=evil,
            reading_hint=evil,
        )
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 21


def test_a_table_alone_makes_a_page_without_empty_sections() -> None:
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", render_report(report())) == ["Results"]


# The file


def test_a_page_replaces_an_older_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("older", encoding="utf-8")
    write_report(report(), path)
    assert path.read_text(encoding="utf-8") == render_report(report())
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"cannot write the report: No such file or directory: '.*/none/report\.html'"
    ):
        write_report(report(), tmp_path / "none" / "report.html")


def test_a_file_in_place_of_the_folder_and_a_folder_in_place_of_the_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match=r"cannot write the report: Not a directory: '.*/file/report\.html'"):
        write_report(report(), tmp_path / "file" / "report.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match=r"cannot write the report: Is a directory: '.*/folder'"):
        write_report(report(), tmp_path / "folder")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(("package", "user"), [("jinja2", "the report page needs"), ("matplotlib", "loss curves need")])
def test_a_missing_package_says_how_to_install_it(package: str, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=rf"{user} {package}: pip install 'unicl-rs\[demo\]'"):
        render_report(report(curves={"unicl": [(1, 2.0)]}))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to every folder")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=r"cannot write the report: Permission denied: '.*/report\.html'"):
        write_report(report(), tmp_path / "report.html")


def test_a_failed_write_keeps_the_older_page_and_leaves_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "report.html"
    path.write_text("older", encoding="utf-8")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="cannot write the report: No space left on device"):
        write_report(report(), path)
    assert [(file.name, file.read_text(encoding="utf-8")) for file in tmp_path.iterdir()] == [("report.html", "older")]
