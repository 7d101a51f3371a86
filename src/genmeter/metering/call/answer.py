"""What came back of one call, read into its record: a whole answer at once, or a stream chunk by chunk."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from ...model import Invocation
from .. import guard
from ..content import capture, passing
from ..spec import Accumulator, Dialect, Events, Fold, Kwargs


class Answer:
    """The answer of one call. ``invocation`` is the record that it fills.

    ``fold`` takes one chunk of a stream; see ``spec.Chunks``. It is an attribute and changes: for the first chunk it also
    notes the time, and for later ones it is the accumulator's own method. After the end of the call it is ``hides``: a
    bound method of our own would keep this object alive until the garbage collector comes.
    """

    __slots__ = ("_accumulator", "_begun", "_dialect", "_last_chunk", "fold", "hides", "in_pieces", "invocation")

    def __init__(self, dialect: Dialect, invocation: Invocation) -> None:
        self._dialect = dialect
        self._accumulator: Accumulator | None = None
        self.invocation = invocation
        self.in_pieces = False
        """Whether the answer comes as a stream that is folded, so that it may stop before its end."""
        self.hides: Fold = shown
        """Whether the app must not see a chunk, where no accumulator says so."""
        self.fold: Fold = shown

    def read(self, result: Any) -> None:
        """Read a whole answer."""
        self._accumulator, self.in_pieces = None, False
        if isinstance(result, Events):
            self._read_events(result)
            return
        try:
            self._dialect.read_response(result, self.invocation)
        except Exception as error:
            guard.failed("read", error)
        content = self.invocation.content
        if content is not None and self._dialect.read_output is not None:
            content.output = guard.step("content", self._dialect.read_output, result)

    def _read_events(self, events: Events) -> None:
        """Read a stream that arrived as one body."""
        content, accumulator = self.invocation.content, self._dialect.accumulator
        folder = accumulator(False, content is not None) if accumulator is not None else None
        if folder is None:
            return
        for event in events:
            guard.step("fold", folder.fold, event)
        guard.step("finish", folder.finish, self.invocation)
        if content is not None:
            content.output = guard.step("content", getattr, folder, "messages", None)

    def begin(self, begun: float, asked: bool, timed: bool) -> None:
        """A stream starts: fold its chunks from here on.

        ``begun`` is the ``perf_counter`` at the start of the call. ``asked``: chunks may come because we asked for usage.
        ``timed``: keep the time between chunks.
        """
        accumulator = self._dialect.accumulator
        if accumulator is not None and self._accumulator is None:
            self._accumulator = guard.step("stream", accumulator, asked, self.invocation.content is not None)
            self.in_pieces = self._accumulator is not None
        if timed:
            self.invocation.gaps = array("d")
        self._begun = begun
        self.fold = self._first

    @property
    def tail(self) -> Callable[[Any], bool] | None:
        """See ``spec.Dialect``."""
        return self._dialect.tail

    def head(self, result: Any) -> None:
        """Read what an answer says beside its stream."""
        if self._accumulator is not None:
            guard.step("fold", self._accumulator.fold, result)

    def _first(self, chunk: Any) -> int:
        """Fold the first chunk and note when it came. Every later one goes straight to the accumulator."""
        invocation = self.invocation
        self._last_chunk = perf_counter()
        invocation.first_chunk = self._last_chunk - self._begun
        fold = self._accumulator.fold if self._accumulator is not None else self.hides
        self.fold = fold if invocation.gaps is None else partial(self._timed, fold)
        return fold(chunk)

    def _timed(self, fold: Fold, chunk: Any) -> int:
        """Fold a chunk and note the time since the one before."""
        hidden = fold(chunk)
        if hidden is not True and self.invocation.gaps is not None:
            now = perf_counter()
            self.invocation.gaps.append(now - self._last_chunk)
            self._last_chunk = now
        return hidden

    def unfolded(self, chunk: Any, error: Exception) -> bool:
        """Count a failure of ``fold``. True: the app must not see the chunk all the same."""
        guard.failed("fold", error)
        return bool(guard.step("fold", self.hides, chunk))

    def finish(self, kwargs: Kwargs) -> None:
        """Write into the record what the chunks said, and messages that the SDK took out of an iterator."""
        invocation, step = self.invocation, guard.step
        if self._accumulator is not None:
            step("finish", self._accumulator.finish, invocation)
            if invocation.content is not None:
                invocation.content.output = step("content", getattr, self._accumulator, "messages", None)
        if invocation.content is not None and passing(self._dialect, kwargs):
            taken = step("content", capture, self._dialect, kwargs)
            invocation.content.input = taken.input if taken is not None else None


def shown(chunk: Any, /) -> bool:
    """No chunk is hidden from an app that gets only what it asked for."""
    return False
