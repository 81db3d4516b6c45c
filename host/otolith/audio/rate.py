"""The sample rate of everything in this project, and which files count as sound files."""

RATE = 16000  # Hz
RATES = (1000, 768_000)  # Hz; files outside this range are refused
SOUNDS = (  # suffixes of files that are looked for in folders
    *(".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64"),
    *(".m4a", ".mp4", ".aac", ".3gp", ".amr", ".webm", ".mka", ".wma"),
)
