"""The whole path on the real servers: collector, Jaeger, Loki, Prometheus, Alertmanager and the ledger service.

``make e2e`` builds the servers and runs this folder; a plain ``pytest`` leaves it out (norecursedirs in pyproject.toml).
"""
