"""Talking to an ailab-server from Python, with nothing but the standard library.

    from ailab.client import Client

    with Client("https://gpu1:12345", "ada", password) as server:
        for run in server.runs("loss < 0.3", sort=["loss"]):
            print(run["name"], server.series(run["id"], "loss")["values"][-1])

NumPy is imported when a series is asked for. What the methods return is typed in `ailab.client.types`; docs/api.md says
what it means.
"""

from ailab.client.client import Client
from ailab.client.connection import ServerError

__all__ = ["Client", "ServerError"]
