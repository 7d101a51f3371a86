"""SDKs that cannot share a process with the others of their environment: each of these files runs in one of its own."""
