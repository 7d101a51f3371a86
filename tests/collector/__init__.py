"""The collector's configuration and the build of the servers, as far as neither needs a built server."""
