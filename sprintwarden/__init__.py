"""The command, its settings and the wiring of all rooms."""
