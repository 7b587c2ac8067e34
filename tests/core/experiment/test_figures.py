from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ailab.experiment.figures import Curve, Look, legend_columns, mean_curve, save_figure, smooth


def test_the_moving_average_has_no_bias_at_its_start() -> None:
    assert smooth(np.array([2.0, 2.0, 2.0]), 0.9) == pytest.approx([2.0, 2.0, 2.0])
    assert smooth(np.array([0.0, 3.0]), 0.5) == pytest.approx([0.0, 2.0])
    assert smooth(np.array([math.nan, 1.0, math.nan, 1.0]), 0.5)[1:] == pytest.approx([1.0, 1.0, 1.0])
    assert smooth(np.array([1.0, 5.0]), 0).tolist() == [1.0, 5.0]


def test_the_mean_of_several_runs_is_at_the_steps_that_all_have() -> None:
    one = np.array([0, 1, 2]), np.array([1.0, 2.0, 3.0])
    two = np.array([1, 2, 3]), np.array([4.0, 5.0, 6.0])
    curve = mean_curve("x", [one, two])
    assert curve.low is not None and curve.high is not None
    assert (curve.x.tolist(), curve.y.tolist()) == ([1, 2], [3.0, 4.0])
    assert (curve.low.tolist(), curve.high.tolist()) == ([2.0, 3.0], [4.0, 5.0])
    with pytest.raises(ValueError, match="the runs of 'x' have no step in common"):
        mean_curve("x", [one, (np.array([9]), np.array([1.0]))])


def curves(n: int = 50) -> list[Curve]:
    x = np.arange(n, dtype=np.float64)
    return [Curve("rate=0.1", x, np.sin(x)), Curve("rate=0.2", x, np.cos(x), np.cos(x) - 1, np.cos(x) + 1)]


def test_every_form_is_written_and_the_same_each_time(tmp_path: Path) -> None:
    look = Look(width=3.0, height=2.0, log_y=False, y_label="loss", title="A title")
    for form, begins in (("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")):
        for name in ("a", "b"):
            save_figure(curves(), tmp_path / f"{name}.{form}", look)
        content = (tmp_path / f"a.{form}").read_bytes()
        assert content.startswith(begins)
        assert content == (tmp_path / f"b.{form}").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (900, 600)
    text = (tmp_path / "a.svg").read_text()
    for label in ("rate=0.1", "A title", "loss", "step"):
        assert label in text


def test_a_million_points_make_a_small_file_with_their_peaks(tmp_path: Path) -> None:
    y = np.zeros(1_000_000)
    y[123_456] = 1000.0
    save_figure([Curve("a", np.arange(len(y), dtype=np.float64), y)], tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 500_000
    assert "1000" in (tmp_path / "a.svg").read_text()  # the axis reaches the peak


def test_the_legend_hides_no_curve_and_too_long_a_one_is_left_out(tmp_path: Path) -> None:
    x = np.arange(3.0)
    few = [Curve(f"{rate}", x, x) for rate in (0.1, 0.01, 0.001)]
    look = Look(legend_title="rate")
    assert legend_columns(few, look) == 3
    assert legend_columns([Curve("a rather long label of a curve", x, x)] * 3, look) == 1
    many = [Curve(f"run {number}", x, x) for number in range(100)]
    assert legend_columns(many, look) == 0
    save_figure(few, tmp_path / "few.svg", look)
    save_figure(many, tmp_path / "many.svg", look)
    text = (tmp_path / "few.svg").read_text()
    assert "rate" in text and "0.001" in text
    assert text.index('id="axes_1"') < text.index('id="legend_1"')  # not inside the axes
    assert 'id="legend_1"' not in (tmp_path / "many.svg").read_text()
    assert "stroke-dasharray" in (tmp_path / "many.svg").read_text()  # beyond the seventh colour another style


def test_another_form(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"written as \.svg, \.pdf or \.png, got 'a\.gif'"):
        save_figure(curves(), tmp_path / "a.gif")
