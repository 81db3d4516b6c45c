"""What engines cost on the cores this computer emulates."""
