"""Workflows, agents and tools: the blocks of a program that make calls, their spans, and what their calls add up to."""
