"""What an admin can say: the rules and connections files, read strictly and matched quickly."""
