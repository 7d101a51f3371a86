"""Bills of sellers: how each export is read, and what it says in the ledger's words."""
