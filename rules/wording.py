"""The sentences of a sprint's comment as templates, which an admin may replace."""
