"""The whole path in real processes: providers, launcher, OTLP over HTTP, ledger, questions."""
