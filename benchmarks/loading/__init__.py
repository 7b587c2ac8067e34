"""The parts of ``benchmarks/loader.py``: workloads, contenders, measuring and reporting."""
