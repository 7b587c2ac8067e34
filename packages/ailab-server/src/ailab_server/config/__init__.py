"""The server's config file.

``model`` says which keys there are, ``load`` reads one and answers a bad one with one line.
"""

from ailab_server.config.load import ConfigError as ConfigError
from ailab_server.config.load import check_config as check_config
from ailab_server.config.load import load_config as load_config
from ailab_server.config.model import ServerConfig as ServerConfig
from ailab_server.config.parts import Role as Role
from ailab_server.config.parts import is_loopback as is_loopback
