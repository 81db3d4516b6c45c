"""What a network is, what it needs, and where its time goes."""
