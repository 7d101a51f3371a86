"""Request bodies as files that end where the request ends."""

from __future__ import annotations

from typing import BinaryIO

_LONGEST_LINE = 1024


class Body:
    """A body of known length."""

    def __init__(self, source: BinaryIO, length: int) -> None:
        self._source = source
        self._left = length

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, all that is left when negative; fewer only at the end."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._source.read(wanted) if wanted else b""
        # a sender that went away leaves nothing more to read
        self._left = self._left - len(data) if len(data) == wanted else 0
        return data

    def drained(self, most: int) -> bool:
        """Read away what the application left, up to ``most`` bytes; whether the connection may be used again."""
        while self._left and most > 0:
            most -= len(self.read(min(most, 1 << 16)))
        return not self._left


class ChunkedBody(Body):
    """A body in chunks, as senders that compress while they send write it."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__(source, 0)
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, all that is left when negative; fewer only at the end."""
        parts: list[bytes] = []
        wanted = size
        while wanted and (self._left or self._next_chunk()):
            part = super().read(wanted)
            if not part:
                self._ended = True
            parts.append(part)
            wanted -= len(part) if size >= 0 else 0
            if not self._left and not self._ended:
                self._source.readline(_LONGEST_LINE)
        return b"".join(parts)

    def drained(self, most: int) -> bool:
        """Read away what the application left, up to ``most`` bytes; whether the connection may be used again."""
        self.read(most)
        return self._ended and not self._left

    def _next_chunk(self) -> bool:
        if self._ended:
            return False
        line = self._source.readline(_LONGEST_LINE).partition(b";")[0].strip()
        try:
            self._left = max(int(line, 16), 0)
        except ValueError:
            self._left = 0
        if not self._left:
            self._ended = True
            while self._source.readline(_LONGEST_LINE).strip():
                pass
        return bool(self._left)
