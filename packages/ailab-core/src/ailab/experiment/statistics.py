"""Whether a difference between runs is more than noise: means, intervals and two tests, in NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Comparison", "Interval", "compare_means", "mean_interval", "student_cdf", "student_quantile"]

_RESAMPLES = 10_000


@dataclass(frozen=True)
class Interval:
    """A mean and the interval that holds the true one with probability ``confidence``, by Student's t-distribution.

    ``low`` and ``high`` are NaN for fewer than two values, of which ``n`` counts the finite ones.
    """

    mean: float
    low: float
    high: float
    n: int
    confidence: float = 0.95

    def __str__(self) -> str:
        if self.n == 0:
            return ""
        return f"{self.mean:.5g}" if self.n < 2 else f"{self.mean:.5g} ± {(self.high - self.low) / 2:.2g}"


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean of ``values`` with its confidence interval, mean ± t · s/√n (Student, "The probable error of a mean",
    Biometrika 6, 1908). Values that are not finite are left out.
    """
    numbers = np.array([value for value in values if math.isfinite(value)], np.float64)
    n = len(numbers)
    if n < 2:
        return Interval(float(numbers[0]) if n else math.nan, math.nan, math.nan, n, confidence)
    mean = float(numbers.mean())
    half = student_quantile(0.5 + confidence / 2, n - 1) * float(numbers.std(ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n, confidence)


@dataclass(frozen=True)
class Comparison:
    """Two samples against one another; differences are ``b`` less ``a``.

    Attributes:
        t, degrees, p: Welch's statistic, its degrees of freedom, and the two-sided p-value.
        low, high: the confidence interval of the difference, by Welch.
        bootstrap_low, bootstrap_high: the same by the percentile bootstrap.
        significant: p is below 1 - ``confidence``.
    """

    a: Interval
    b: Interval
    difference: float
    t: float
    degrees: float
    p: float
    low: float
    high: float
    bootstrap_low: float
    bootstrap_high: float
    confidence: float

    @property
    def significant(self) -> bool:
        return self.p < 1 - self.confidence


def compare_means(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> Comparison:
    """Whether the means of ``a`` and ``b`` differ by more than their noise.

    Welch's t-test, which needs no equal variances (Welch, "The generalization of Student's problem when several
    different population variances are involved", Biometrika 34, 1947; degrees of freedom by Satterthwaite, Biometrics
    Bulletin 2, 1946), and beside it the percentile bootstrap of the difference (Efron, "Bootstrap methods: another
    look at the jackknife", Annals of Statistics 7, 1979), with 10,000 resamples of a fixed seed.

    Args:
        a, b: at least two finite values each; others are left out.

    Raises:
        ValueError: there are fewer: one run says nothing about the noise.
    """
    x, y = (np.array([value for value in values if math.isfinite(value)], np.float64) for values in (a, b))
    if len(x) < 2 or len(y) < 2:
        raise ValueError(
            f"each side needs at least two runs with a finite value, got {len(x)} and {len(y)}; "
            "train with other seeds: one run says nothing about the noise"
        )
    difference = float(y.mean() - x.mean())
    vx, vy = float(x.var(ddof=1)) / len(x), float(y.var(ddof=1)) / len(y)
    error = math.sqrt(vx + vy)
    if error > 0:
        degrees = (vx + vy) ** 2 / (vx**2 / (len(x) - 1) + vy**2 / (len(y) - 1))
        t = difference / error
        p = 2 * student_cdf(-abs(t), degrees)
        half = student_quantile(0.5 + confidence / 2, degrees) * error
    else:  # all runs of each side agree to the last bit
        degrees, half = float(len(x) + len(y) - 2), 0.0
        t = math.copysign(math.inf, difference) if difference else 0.0
        p = 0.0 if difference else 1.0
    random = np.random.default_rng(0)
    resampled = random.choice(y, (_RESAMPLES, len(y))).mean(1) - random.choice(x, (_RESAMPLES, len(x))).mean(1)
    tail = (1 - confidence) / 2
    low, high = (float(value) for value in np.quantile(resampled, (tail, 1 - tail)))
    return Comparison(
        mean_interval(a, confidence), mean_interval(b, confidence), difference, t, degrees, p, difference - half,
        difference + half, low, high, confidence,
    )  # fmt: skip


def student_cdf(t: float, degrees: float) -> float:
    """The probability that a t-distributed number of ``degrees`` degrees of freedom is at most ``t``.

    By the regularised incomplete beta function (Abramowitz and Stegun, 26.7.1).
    """
    tail = 0.5 * _incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t))
    return tail if t < 0 else 1 - tail


def student_quantile(probability: float, degrees: float) -> float:
    """The ``t`` at which `student_cdf` is ``probability``, by bisection; 0.5 <= probability < 1."""
    low, high = 0.0, 1.0
    while student_cdf(high, degrees) < probability:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if student_cdf(middle, degrees) < probability else (low, middle)
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b), by its continued fraction (Press et al., "Numerical Recipes", 3rd ed., 6.4)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1), tiny)
    value = d
    for m in range(1, 1000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + step * d, tiny)
            c = _away(1 + step / c, tiny)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


def _away(value: float, tiny: float) -> float:
    return tiny if abs(value) < tiny else value
