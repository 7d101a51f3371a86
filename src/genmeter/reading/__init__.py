"""Reads calls that other programs recorded: attributes of any known convention become a question to the price book."""

from genmeter.reading.recorded import Recorded

__all__ = ["Recorded"]
