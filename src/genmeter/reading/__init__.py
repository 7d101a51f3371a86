"""Reading calls that others have recorded: attributes in any known convention → the question that the book answers."""

from genmeter.reading.recorded import Recorded

__all__ = ["Recorded"]
