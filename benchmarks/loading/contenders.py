"""Who loads. A contender is a name, what its process needs, and a function that makes the loader."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CONTENDERS", "Contender"]

ALL = ("W1", "W2", "W3", "W4", "W5")
SAMPLES = ("W1", "W2", "W3")
SLOW = ("W4", "W5")
LONG = ("L1", "L2", "L3", "L4", "L5")


@dataclass(frozen=True)
class Contender:
    """``make(dataset, batch_size, **arguments)`` of ``module`` gives an iterable, or a PyDataset for ``fit``."""

    name: str
    module: str
    make: str
    arguments: dict[str, Any] = field(default_factory=dict)
    workloads: Collection[str] = ALL
    backend: str | None = None  # of Keras; None: the loader is iterated, without Keras

    def function(self) -> Callable[..., Any]:
        """``make``, imported."""
        from importlib import import_module

        function: Callable[..., Any] = getattr(import_module(f"loading.{self.module}"), self.make)
        return function


def _torch(name: str, make: str, workloads: Collection[str] = ALL, **arguments: Any) -> Contender:
    return Contender(name, "with_torch", make, arguments, workloads)


def _keras(backend: str) -> list[Contender]:
    def ours(name: str, workloads: Collection[str] = ALL, **arguments: Any) -> Contender:
        return Contender(f"ailab keras-{backend} {name}", "with_keras", "ailab", arguments, workloads, backend)

    def theirs(name: str, workloads: Collection[str] = ALL, **arguments: Any) -> Contender:
        return Contender(f"keras-{backend} {name}", "with_keras", "plain", arguments, workloads, backend)

    # TensorFlow takes a tenth of a second to begin an epoch, which with images is half of a short one.
    both = (*ALL, "L3") if backend == "tensorflow" else ALL
    return [
        ours("default", both),
        ours("in-process", workers=0),
        ours("2 processes", both, workers=2, persistent_workers=True),
        ours("16 threads", ("W4",), workers=0, threads_per_worker=16),
        ours("64 threads", ("W4",), workers=0, threads_per_worker=64),
        theirs("serial", both),
        theirs("2 threads", both, workers=2),
        theirs("16 threads", ("W4",), workers=16, max_queue_size=32),
        theirs("2 processes", workers=2, use_multiprocessing=True),
        Contender(f"keras-{backend} ceiling", "with_keras", "ready", {}, both, backend),
    ]


CONTENDERS = [
    _torch("ailab torch default", "ailab", (*ALL, *LONG, "G1")),
    _torch("ailab torch in-process", "ailab", (*ALL, "L1", "L2", "L3", "G1"), num_workers=0, threads_per_worker=1),
    _torch(
        "ailab torch 2 processes", "ailab", (*ALL, "L1", "L2", "L3", "L5", "G1"), num_workers=2, persistent_workers=True
    ),
    _torch("ailab torch 16 threads", "ailab", ("W4", "L4"), num_workers=0, threads_per_worker=16),
    _torch("ailab torch 64 threads", "ailab", ("W4", "L4"), num_workers=0, threads_per_worker=64),
    _torch(
        "ailab torch 2 processes × 32 threads",
        "ailab",
        ("W4", "L4"),
        num_workers=2,
        threads_per_worker=32,
        persistent_workers=True,
    ),
    Contender("ailab numpy in-process", "with_engine", "in_process", {}, ("W1", "W2", "G1")),
    _torch("torch 0", "plain", num_workers=0),
    _torch("torch 2", "plain", num_workers=2),
    _torch("torch 16", "plain", num_workers=16),
    _torch("torch 0 numpy", "by_hand", num_workers=0),
    _torch("torch 2 numpy", "by_hand", num_workers=2),
    _torch("torch 16 numpy", "by_hand", SLOW, num_workers=16),
    _torch("torch 64 numpy", "by_hand", ("W4",), num_workers=64),
    _torch("torch 0 whole", "whole", ("G1",), num_workers=0),
    *_keras("tensorflow"),
    *_keras("torch"),
    Contender("tf.data generator", "with_tfdata", "generator"),
    Contender("tf.data generator, pool of 16", "with_tfdata", "generator", {"threads": 16}, SLOW),
    Contender("grain in-process", "with_grain", "make"),
    Contender("grain 16 threads", "with_grain", "make", {"threads": 16}),
    Contender("grain 2 processes", "with_grain", "make", {"processes": 2}),
]
