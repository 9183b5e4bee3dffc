"""The judgement: pure functions from what is known to what should be done, and why."""
