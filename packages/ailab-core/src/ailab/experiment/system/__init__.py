"""What the machine does while a run runs: processors, memory, disks, network, GPUs."""

from ailab.experiment.system.sampler import Sampler as Sampler

__all__ = ["Sampler"]
