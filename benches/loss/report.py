"""Prints what benches/loss/gpu.py found as tables, and writes it as JSON and as a plot. It invents no number."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

COLUMNS = ("b", "m", "d", "dtype", "targets", "contender")
FIGURES = ("median_ms", "ratio", "host_ms", "launches", "aten_calls", "peak_mib", "error")


def print_rows(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Prints rows as a Markdown table while they come, and gives them back."""
    print("| " + " | ".join(COLUMNS + FIGURES) + " |", "| --- " * len(COLUMNS + FIGURES) + "|", sep="\n")
    rows = []
    for row in found:
        rows.append(row)
        cells = [str(row[name]) for name in COLUMNS]
        if reason := why_not(row):
            cells += [reason, *[""] * (len(FIGURES) - 1)]
        else:
            cells += [_cell(name, row) for name in FIGURES]
        print("| " + " | ".join(cells) + " |", flush=True)
    return rows


def why_not(row: dict[str, Any]) -> str | None:
    """Tells why a row has no figures, or gives None."""
    if "left_out" in row:
        return f"left out: {row['left_out']}"
    return f"failed: {row['failed']}" if "failed" in row else None


def _cell(name: str, row: dict[str, Any]) -> str:
    value = row.get(name)
    if value is None:
        return "not checked" if name == "error" and row["contender"] != "four matmuls" else "-"
    if name == "error":
        return f"{value:.1e}" if row["passed"] else f"WRONG: {value:.1e}, allowed {row['allowed']:.1e}"
    return f"{value:.3g}" if isinstance(value, float) and value < 100 else f"{value:.0f}"


def print_checks(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Prints the checks that did not pass, and a summary of each group; gives all back."""
    rows, counts = [], Counter[tuple[str, str]]()
    worst: dict[str, tuple[float, str]] = {}
    for row in found:
        rows.append(row)
        outcome = "left out" if "left_out" in row else "passed" if row.get("passed") else "WRONG"
        counts[row["group"], outcome] += 1
        if outcome == "passed" and row["allowed"]:
            share = row["error"] / row["allowed"]
            worst[row["group"]] = max(worst.get(row["group"], (0.0, "")), (share, row["check"]))
        if outcome != "passed":
            print(f"{outcome}: {row['check']}: {why_not(row) or _how_wrong(row)}", flush=True)
    for group in dict.fromkeys(row["group"] for row in rows):
        line = ", ".join(f"{number} {outcome}" for (own, outcome), number in counts.items() if own == group)
        if group in worst:
            line += f"; nearest to its limit, at {worst[group][0]:.0%}: {worst[group][1]}"
        print(f"{group}: {line}")
    return rows


def _how_wrong(row: dict[str, Any]) -> str:
    return f"an error of {row['error']:.1e}, allowed {row['allowed']:.1e}"


def write_report(folder: Path, part: str, machine: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Writes gpu-PART.json and, where something was timed, gpu-PART.png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"gpu-{part}.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    if any("median_ms" in row for row in rows):
        _plot(rows, folder / f"gpu-{part}.png", machine)


def _plot(rows: list[dict[str, Any]], path: Path, machine: dict[str, Any]) -> None:
    """Time over the four matmuls' time, by rows: a panel for each kind of targets, at the first width and dtype."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    first = (rows[0]["d"], rows[0]["dtype"])
    shown = [row for row in rows if (row["d"], row["dtype"]) == first and "median_ms" in row]
    kinds = list(dict.fromkeys(row["targets"] for row in shown))
    figure, axes = plt.subplots(1, len(kinds), figsize=(6 * len(kinds), 5), squeeze=False, sharey=True)
    for axis, kind in zip(axes[0], kinds, strict=True):
        for name in dict.fromkeys(row["contender"] for row in shown):
            own = sorted((x["b"], x["ratio"]) for x in shown if (x["contender"], x["targets"]) == (name, kind))
            if own:
                axis.plot(*zip(*own, strict=True), marker="o", label=name)
        axis.set(xscale="log", yscale="log", xlabel="images b", title=f"{kind}, d = {first[0]}, {first[1]}")
        axis.grid(visible=True, which="both", alpha=0.3)
    axes[0][0].set_ylabel("forward + backward, times the four matmuls")
    axes[0][0].legend(fontsize="small")
    figure.suptitle(f"{machine['device']}, {machine['date']}, torch {machine['torch']}")
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)
