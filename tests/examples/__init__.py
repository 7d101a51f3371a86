"""Every example is run as a reader would run it, by the real launcher, against loopback providers."""
