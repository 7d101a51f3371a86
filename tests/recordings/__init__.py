"""Spans as other instrumentations write them, recorded by running their packages against the loopback providers.

``python -m tests.recordings NAME`` runs in the environment of that instrumentation and renews
``tests/vectors/spans/NAME.json``; ``make recordings`` does all of them. ``calls.py`` holds the calls, with the bill of
each worked out by hand from published prices and from what the provider's answer says; ``emitters.py`` says how each
instrumentation is switched on; ``frozen.py`` makes a recording the same on every day. Two files are written by hand
after the documentation that they name: Java's Spring AI and JavaScript's Vercel AI SDK, with the same calls and bills.
``stored.py`` is how tests read them all.
"""
