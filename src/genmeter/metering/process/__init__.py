"""How a process that is metered sends its calls, and what happens when it ends, forks or is stopped."""
