"""What an alias module says when the distribution behind it is missing."""

__all__ = ["missing"]


def missing(alias: str, distribution: str, extra: str) -> ModuleNotFoundError:
    """The error that names the ``pip install`` to type."""
    return ModuleNotFoundError(
        f'{alias} needs {distribution}: pip install "ailab[{extra}]"', name=distribution.replace("-", "_")
    )
