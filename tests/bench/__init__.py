"""What genmeter costs the app: beside the bare SDK, beside the same telemetry written by hand, beside its peers."""
