"""The environments of the Makefile come from their locks alone, whatever the package index offers by then."""
