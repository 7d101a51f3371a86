"""One contract for every SDK that is metered: README.md says how an SDK is listed."""
