"""Progress over captions: a bar on a terminal, lines elsewhere."""

import pytest

from unicl.cli import progress


def test_elsewhere_the_end_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.show_progress("labelling a.parquet", 3_000) as advance:
        advance(1_000)
        advance(2_000)
    told = capsys.readouterr().err
    assert told.startswith("labelling a.parquet: 3,000 captions in 0.0 s, ")
    assert told.endswith(" a second\n")


@pytest.mark.parametrize(("total", "of_all"), [(3_000, " of 3,000"), (None, "")])
def test_in_between_a_line_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], total: int | None, of_all: str
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    with progress.show_progress("counting", total) as advance:
        advance(1_000)
        assert capsys.readouterr().err.startswith(f"counting: 1,000{of_all} captions, ")


def test_on_a_terminal_a_bar_is_drawn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress.show_progress("labelling", 3_000) as advance:
        advance(3_000)
    told = capsys.readouterr().err
    assert "labelling: 100%" in told
    assert "3.00k/3.00k" in told
