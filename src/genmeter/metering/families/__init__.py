"""What SDKs of one make have in common: where they keep the server's address, and the forms of their answers."""
