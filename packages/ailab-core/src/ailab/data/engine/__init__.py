"""Worker processes and threads that make batches ahead of their consumer.

What a batch holds is decided in `ailab.data.batches` alone. The engine calls a function ``load(indices, epoch)``
elsewhere, as `BatchLoader.load` is one, and brings back what it returned: in order, bit for bit.
"""
