"""`host record`: records labelled WAV files from a microphone."""
