"""The PlatformIO development platform `otolith`. `host setup` gets all its parts."""

from platformio.public import PlatformBase


class OtolithPlatform(PlatformBase):
    """Boards are in boards/, builders in platform/builder/, one file for each chip family."""

    def is_embedded(self):
        return True
