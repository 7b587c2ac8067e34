"""uvicorn's HTTP protocol with time-outs where it has none: for a request's head, and for taking the answer."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["HEAD_SECONDS", "TAKE_SECONDS", "TimedProtocol"]

HEAD_SECONDS = 10.0
TAKE_SECONDS = 75.0
"""A little longer than a stream waits for its browser, which then ends in good order."""


class TimedProtocol(H11Protocol):
    """Closes a connection whose first or next request has begun, or should have, and is not whole in time; and one
    whose answer is not taken.

    Without it a thousand connections that send one byte of a header each would stay for ever, and so would a thousand
    that ask for much and read nothing: even once the answer is given up, asyncio keeps a closing connection until its
    buffer is empty. Between requests uvicorn's own keep-alive time-out rules; bodies are timed by ``security.bodies``.

    When there are as many connections as may be, a new one takes the place of the one that has gone longest without
    asking for anything: connections that say nothing keep nobody out, not even for those ten seconds.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _take_timer: asyncio.TimerHandle | None = None
    _silent_since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Start the clock: a connection is for a request."""
        super().connection_made(transport)
        self._silent_since = self.loop.time()
        self._make_room()
        self._time_head()

    def data_received(self, data: bytes) -> None:
        """Stop the clock when a whole head is there, start it when another begins."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._silent_since = self.loop.time()
            self._stop_timer()
        elif self._head_timer is None and self.conn.trailing_data[0]:
            self._time_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """No connection, no clock."""
        self._stop_timer()
        self._stop_take_timer()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        if self.limit_concurrency is None:
            return
        too_many = len(self.connections) - (self.limit_concurrency - 1)
        if too_many <= 0:
            return
        silent = [one for one in self.connections if isinstance(one, TimedProtocol) and one._is_silent()]
        for one in sorted(silent, key=lambda one: one._silent_since)[:too_many]:
            if one is not self:
                one.transport.abort()

    def _is_silent(self) -> bool:
        """Whether nothing is asked at the moment: a head is not whole yet, or an answer was the last thing."""
        return self.conn.their_state is h11.IDLE and (self.cycle is None or self.cycle.response_complete)

    def pause_writing(self) -> None:
        """The buffer is full: start the clock until the client has taken most of it."""
        super().pause_writing()
        if self._take_timer is None:
            self._take_timer = self.loop.call_later(TAKE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the clock."""
        self._stop_take_timer()
        super().resume_writing()

    def shutdown(self) -> None:
        """The server stops: let an answer that is under way come to its end, unless that is up to the client."""
        if self._take_timer is not None or self.conn.their_state is h11.SEND_BODY:
            self.transport.abort()
        else:
            super().shutdown()

    def _time_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_take_timer(self) -> None:
        if self._take_timer is not None:
            self._take_timer.cancel()
            self._take_timer = None

    def _late(self) -> None:
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.abort()
