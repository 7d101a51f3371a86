"""One call under way: opening it, its record, its signals, its delivery to the app. Knows no SDK."""
