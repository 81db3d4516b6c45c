"""A trained model as C sources that stand alone, for other people's firmware."""
