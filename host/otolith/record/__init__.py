"""`host record`: a microphone's sound into labelled WAV files."""
