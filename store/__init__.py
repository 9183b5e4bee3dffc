"""All we remember, in Redis. The only room that knows key names."""
