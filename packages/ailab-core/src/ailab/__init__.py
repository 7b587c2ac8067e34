"""AI Lab: data, experiments and logging for any framework, in plain Python.

Importing ``ailab`` loads no framework and no matplotlib; the parts are imported where they are used::

    from ailab.data import Dataset, TransformedDataset
    from ailab.experiment import Config
    import ailab.experiment.logging as log
"""

__all__ = ["__version__"]

__version__ = "20261122"
