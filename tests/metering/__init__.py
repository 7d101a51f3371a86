"""What the instrumentation promises, proved with the real SDKs against the loopback providers."""
