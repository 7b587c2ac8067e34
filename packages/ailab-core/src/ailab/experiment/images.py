"""Turning what users log as an image into a PNG.

NumPy, matplotlib and Pillow are imported here when the first image comes.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ailab.errors import shown

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["as_png", "png_encoder"]


def as_png(data: object, foreign: Callable[[object], Any] | None = None) -> bytes:
    """The bytes of a PNG. Arguments and errors as `png_encoder`."""
    return png_encoder(data, foreign)[0]()


def png_encoder(data: object, foreign: Callable[[object], Any] | None = None) -> tuple[Callable[[], bytes], int]:
    """A function that makes a PNG of ``data`` as they are now, and how many bytes of memory it holds.

    Arrays and Pillow images are checked and copied here and encoded there, in whatever thread; a figure is drawn here,
    since matplotlib belongs to one thread.

    Args:
        data: None for matplotlib's current figure; a figure; a Pillow image; or pixels of shape (h, w, 1) or (h, w, 3),
            uint8, bool, or floating point in 0..1.
        foreign: the plugins' hook that turns a framework's tensor into such pixels.

    Raises:
        TypeError: data are none of these, or of another dtype.
        ValueError: the shape or the range is wrong, or there is no current figure.
    """
    if data is None:
        data = _current_figure()
    if callable(getattr(data, "savefig", None)):
        png = _figure_png(data)
        return lambda: png, len(png)
    # Without Pillow in the process nobody holds such an image; the background may be importing it at this moment.
    pillow_image = getattr(sys.modules.get("PIL.Image"), "Image", None)
    if pillow_image is not None and isinstance(data, pillow_image):
        image = data.copy()
        return lambda: _pillow_png(image), 4 * image.width * image.height
    import numpy as np

    if not isinstance(data, np.ndarray):
        found = foreign(data) if foreign is not None else None
        if found is None:
            raise TypeError(
                "data must be a NumPy array of shape (h, w, 1) or (h, w, 3), a Pillow image, a matplotlib figure, "
                f"or None for the current figure, got {shown(data)}"
            )
        data = found
    pixels = np.array(data)  # a copy: the caller may change it at once
    _check_pixels(pixels)
    return lambda: _pixels_png(pixels), pixels.nbytes


def _current_figure() -> Any:
    # Without pyplot in the process there can be no current figure; looking must not create an empty one either.
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not pyplot.get_fignums():
        raise ValueError(
            "data is None, which stands for matplotlib's current figure, but there is none; "
            "draw one with matplotlib.pyplot first, or pass data="
        )
    return pyplot.gcf()


def _figure_png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()


def _check_pixels(pixels: npt.NDArray[Any]) -> None:
    shape = pixels.shape
    if pixels.ndim != 3 or shape[2] not in (1, 3) or 0 in shape:
        hint = ""
        if pixels.ndim == 2:
            hint = "; for one channel pass data[..., None]"
        elif pixels.ndim == 3 and shape[0] in (1, 3):
            hint = "; channels come last: pass data.transpose(1, 2, 0)"
        raise ValueError(f"data must have the shape (h, w, 1) or (h, w, 3), got an array of shape {shape}{hint}")
    if pixels.dtype.kind == "f":
        low, high = float(pixels.min()), float(pixels.max())
        if not (low >= 0.0 and high <= 1.0):  # NaN fails this too
            raise ValueError(
                f"data of dtype {pixels.dtype} must lie between 0 and 1, got values from {low:g} to {high:g}; "
                "scale them, or pass uint8 with 0..255"
            )
    elif pixels.dtype != "u1" and pixels.dtype.kind != "b":
        raise TypeError(
            f"data must have the dtype uint8 (0..255), bool, or a floating-point one (0..1), got {pixels.dtype}; "
            "convert with data.astype(np.uint8)"
        )


def _pixels_png(pixels: npt.NDArray[Any]) -> bytes:
    import numpy as np
    from PIL import Image

    if pixels.dtype.kind == "f":
        pixels = (pixels * 255.0 + 0.5).astype(np.uint8)
    elif pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    return _pillow_png(Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)))


def _pillow_png(image: Any) -> bytes:
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        image = image.convert("RGB")  # PNG knows no CMYK, YCbCr, ...
    buffer = io.BytesIO()
    image.save(buffer, format="png", compress_level=1)
    return buffer.getvalue()
