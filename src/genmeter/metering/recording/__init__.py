"""Calls that no SDK of ours makes: the program tells of them, and they get the same bill as any other call."""
