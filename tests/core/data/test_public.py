"""The names that users type, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import ailab.data
import ailab.data.batches


def test_public_names() -> None:
    assert ailab.data.__all__ == [
        "CachedDataset",
        "ComposeTransforms",
        "Dataset",
        "Overlap",
        "Subset",
        "TransformedDataset",
        "Transformer",
        "concat",
        "overlap",
        "rng",
        "split",
        "version_of",
    ]
    assert ailab.data.batches.__all__ == [
        "BatchLoader",
        "batch_count",
        "collate",
        "epoch_order",
        "map_arrays",
        "read_samples",
    ]
    for module in (ailab.data, ailab.data.batches):
        assert all(hasattr(module, name) for name in module.__all__)


def test_importing_data_loads_no_framework_and_no_experiment() -> None:
    program = """
        import sys
        import ailab.data.batches, ailab.data.defaults
        heavy = {"torch", "keras", "tensorflow", "matplotlib", "ailab.experiment"} & set(sys.modules)
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)


ALIASES = [("ailab.data.keras", "ailab_keras", "keras"), ("ailab.data.pytorch", "ailab_torch", "torch")]


def import_with_fake_adapter(alias: str, adapter: str, body: str | None, folder: Path) -> str:
    """stderr of a process that imports ``alias`` where ``adapter`` is a module with ``body``, or missing (None)."""
    if body is not None:
        (folder / f"{adapter}.py").write_text(textwrap.dedent(body))
    program = f"""
        import sys
        sys.path.insert(0, {str(folder)!r})
        if {body is None}:
            class Nothing:
                def find_spec(self, name, path=None, target=None):
                    if name == {adapter!r}:
                        raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
            sys.meta_path.insert(0, Nothing())
        import {alias}
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    return done.stderr


@pytest.mark.parametrize(("alias", "adapter", "extra"), ALIASES)
def test_alias_of_a_missing_adapter_names_what_to_install(alias: str, adapter: str, extra: str, tmp_path: Path) -> None:
    last = import_with_fake_adapter(alias, adapter, None, tmp_path).strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError:")
    assert f'pip install "ailab[{extra}]"' in last


@pytest.mark.parametrize(("alias", "adapter", "extra"), ALIASES)
@pytest.mark.parametrize("body", ["import no_such_framework", "raise ImportError('libcudart.so.12 is broken')"])
def test_alias_shows_the_error_within_a_broken_framework(
    alias: str, adapter: str, extra: str, body: str, tmp_path: Path
) -> None:
    error = import_with_fake_adapter(alias, adapter, body, tmp_path)
    assert "no_such_framework" in error or "libcudart.so.12 is broken" in error
    assert "pip install" not in error
