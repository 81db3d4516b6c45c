"""PlatformIO development platform `otolith`: all parts come from `host setup`."""

from platformio.public import PlatformBase


class OtolithPlatform(PlatformBase):
    """Boards in boards/, builders in platform/builder/, one file a chip family."""

    def is_embedded(self):
        return True
