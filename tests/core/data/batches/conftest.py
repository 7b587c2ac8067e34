"""Every test of batches runs with the compiled loops and without them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ailab.data.batches import native


@pytest.fixture(autouse=True, scope="module", params=["compiled", "python"])
def _loops(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "compiled" and native.loops is None:
        pytest.skip("the loops of _native.c were not compiled here")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "python":
            patch.setattr(native, "loops", None)
        yield
