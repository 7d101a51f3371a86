"""Where the ledger keeps its rows: one protocol, one module per database."""
