"""Kinds of model by name. Each needs a line here.

Each is called with Facts and returns a Kind.
"""

KINDS = {
    "word": "otolith.settings.kinds.word:word",
    "sound": "otolith.settings.kinds.sound:sound",
    "alarm": "otolith.settings.kinds.alarm:alarm",
}
DEFAULT = "sound"
