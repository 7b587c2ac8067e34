"""Who may talk to the server: passwords, the back-off against guessing, and tokens."""

from ailab_server.auth.login import Authenticator as Authenticator
from ailab_server.auth.login import LoginRefused as LoginRefused
from ailab_server.auth.login import TooManyTries as TooManyTries
from ailab_server.auth.tokens import Login as Login
from ailab_server.auth.tokens import Tokens as Tokens
