"""Which series a chart asks for."""

from typing import Annotated, Literal

from pydantic import Field

from ailab_server.models.base import Question

__all__ = ["SeriesQuestion"]


class SeriesQuestion(Question):
    """Which series, on which x axis; ``low`` and ``high``, in its units, are what a chart shows."""

    runs: list[Annotated[str, Field(max_length=300)]] = Field(min_length=1, max_length=1_000)
    metrics: list[Annotated[str, Field(max_length=10_000)]] = Field(min_length=1, max_length=100)
    points: Annotated[int, Field(ge=4, le=20_000)] = 1_000
    x: Literal["step", "time", "relative"] = "step"
    low: Annotated[float, Field(allow_inf_nan=False)] | None = None
    high: Annotated[float, Field(allow_inf_nan=False)] | None = None
