"""The shop floor: a run reads the present state, decides, plans, applies and records."""
