"""A toy Jira and a toy Linear over real HTTP, for the demo and for tests.

They are written from the trackers' own documentation and import nothing of the product, so
that a misreading on one side cannot hide behind the same misreading on the other.
"""
