"""PlatformIO development platform `otolith`: everything comes from `host setup`, nothing downloads."""

from platformio.public import PlatformBase


class OtolithPlatform(PlatformBase):
    """Boards in boards/, builders in platform/builder/, one file a chip family."""

    def is_embedded(self):
        return True
