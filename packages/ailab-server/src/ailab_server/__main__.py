"""``python -m ailab_server my_config.json``: the same program as ``ailab-server my_config.json``."""

from ailab_server.cli import main

if __name__ == "__main__":
    main()
