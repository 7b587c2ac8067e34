"""Choosing among all runs: what filters, sort keys and columns ask of each, kept in little memory."""

from ailab_server.query.cache import FactsCache as FactsCache
from ailab_server.query.index import Page as Page
from ailab_server.query.index import RunIndex as RunIndex
