"""Programs that attack a running service: ``make fuzz`` and ``make soak``. ``tests/server`` runs the short forms."""
