from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from ailab.experiment.images import as_png


@pytest.fixture(autouse=True)
def _figures() -> Iterator[None]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    yield
    plt.close("all")


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_come_back_as_they_were(channels: int) -> None:
    data = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    assert np.array_equal(pixels(as_png(data)).reshape(data.shape), data)


def test_floats_scale_to_bytes() -> None:
    data = np.array([0.0, 0.5, 1.0], np.float32).reshape(1, 3, 1)
    assert pixels(as_png(data)).tolist() == [[0, 128, 255]]


def test_booleans_are_black_and_white() -> None:
    assert pixels(as_png(np.array([[[True], [False]]]))).tolist() == [[255, 0]]


@pytest.mark.parametrize("shape", [(4,), (4, 4), (4, 4, 2), (4, 4, 4), (3, 8, 8), (0, 4, 3), (1, 4, 4, 3)])
def test_a_wrong_shape_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=rf"data must have the shape \(h, w, 1\) or \(h, w, 3\), got an array of shape \({shape[0]},"
    ):
        as_png(np.zeros(shape, np.uint8))


def test_hints_for_the_usual_mistakes() -> None:
    with pytest.raises(ValueError, match=r"data\[\.\.\., None\]"):
        as_png(np.zeros((4, 4), np.uint8))
    with pytest.raises(ValueError, match=r"transpose\(1, 2, 0\)"):
        as_png(np.zeros((3, 8, 8), np.uint8))


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.complex64, np.str_])
def test_a_wrong_dtype_is_named(dtype: type) -> None:
    with pytest.raises(TypeError, match="data must have the dtype uint8"):
        as_png(np.zeros((4, 4, 3), dtype))


@pytest.mark.parametrize("value", [-0.1, 1.1, 255.0, np.nan])
def test_floats_out_of_range(value: float) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        as_png(np.full((2, 2, 3), value))


@pytest.mark.parametrize("data", ["image", [[1]], 3])
def test_what_is_no_image(data: object) -> None:
    with pytest.raises(TypeError, match="data must be a NumPy array"):
        as_png(data)


def test_a_plugin_turns_tensors_into_pixels() -> None:
    assert pixels(as_png("tensor", lambda _: np.zeros((2, 2, 3), np.uint8))).shape == (2, 2, 3)


def test_the_current_figure_is_drawn_and_stays_open() -> None:
    import matplotlib.pyplot as plt

    plt.plot([1, 2, 3])
    assert pixels(as_png(None)).ndim == 3
    assert len(plt.get_fignums()) == 1


def test_no_current_figure_is_an_error_and_makes_none() -> None:
    import matplotlib.pyplot as plt

    with pytest.raises(ValueError, match="there is none"):
        as_png(None)
    assert plt.get_fignums() == []
