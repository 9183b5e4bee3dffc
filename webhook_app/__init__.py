"""The front door: takes deliveries, proves them, stores their hints, answers. Nothing else happens here."""
