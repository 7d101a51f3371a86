"""The metric points of calls: what a call appends, and what a reader collects."""
