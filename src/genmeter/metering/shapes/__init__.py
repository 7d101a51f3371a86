"""The forms in which a call's answer reaches the app in pieces: proxies that see each piece once. They know no SDK."""
