"""``python -m ailab.visualization my_config.json``: the same program as ``ailab-server my_config.json``."""

from ailab._alias import missing

try:
    from ailab_server.cli import main as main
except ModuleNotFoundError as error:
    if error.name != "ailab_server":
        raise
    raise missing("ailab.visualization", "ailab-server", "server") from None

__all__ = ["main"]

if __name__ == "__main__":
    main()
