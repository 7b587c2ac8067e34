"""The environment a task gets.

An allow-list of the server's own, so that no secret of the server reaches it.
"""

from collections.abc import Mapping, Sequence

__all__ = ["task_environment"]

_NAMES = frozenset(
    {
        # who and where
        "HOME", "LOGNAME", "PATH", "SHELL", "TMPDIR", "USER",
        # language and time
        "LANG", "LANGUAGE", "TZ",
        # which Python and which libraries
        "CONDA_DEFAULT_ENV", "CONDA_PREFIX", "CUDA_HOME", "CUDA_PATH", "LD_LIBRARY_PATH", "PYTHONPATH",
        "VIRTUAL_ENV",
        # where downloads are kept
        "HF_HOME", "KERAS_HOME", "TFDS_DATA_DIR", "TORCH_HOME", "XDG_CACHE_HOME",
        # how to compute and draw
        "KERAS_BACKEND", "MKL_NUM_THREADS", "MPLBACKEND", "OMP_NUM_THREADS",
    }
)  # fmt: skip
_PREFIXES = ("LC_",)


def task_environment(server: Mapping[str, str], gpu_ids: Sequence[int], variables: Mapping[str, str]) -> dict[str, str]:
    """What of the ``server``'s environment a task gets, with its ``gpu_ids`` and ``variables``.

    ``CUDA_VISIBLE_DEVICES`` is always set; without GPUs it is empty, which hides them all.
    ``CUDA_DEVICE_ORDER`` makes CUDA number the GPUs as nvidia-smi does, and with it the config's ``gpus``.
    """
    allowed = {name: value for name, value in server.items() if name in _NAMES or name.startswith(_PREFIXES)}
    return {
        **allowed,
        "PYTHONUNBUFFERED": "1",  # what a task prints is seen at once
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": ",".join(str(gpu) for gpu in gpu_ids),
        **variables,
    }
