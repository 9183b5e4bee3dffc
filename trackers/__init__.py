"""The outside world in domain words: Jira and Linear."""
