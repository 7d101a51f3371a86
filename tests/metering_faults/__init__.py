"""What happens when our own code, the user's telemetry, a neighbour or the process fails: the app must not notice."""
