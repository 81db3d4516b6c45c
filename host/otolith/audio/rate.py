"""The sample rate of everything in this project, and the rates of files it can read."""

RATE = 16000  # Hz
RATES = (1000, 768_000)  # Hz; files outside this range are refused
