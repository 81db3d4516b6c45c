"""What a microphone app's image contains, and what it must not contain."""

import re
import subprocess

import pytest

NETWORK = ("nn", "nn_tflm", "features", "detect", "listen", "app_model", "inject")


@pytest.mark.parametrize("fixture", ["mic_image", "efr32_mic_image"])
def test_no_network_is_linked(fixture, request):
    image = request.getfixturevalue(fixture)
    linked = set(re.findall(r"lib\w+/lib(\w+)\.a", image.with_suffix(".map").read_text()))
    assert {"app", "board", "wire"} <= linked  # the linker map was parsed correctly
    assert not linked & set(NETWORK)
    elf = image.with_suffix(".elf")
    names = subprocess.check_output(["arm-none-eabi-nm", elf], text=True).split()
    assert "microphone_read" in names and "pcm_stream_turn" in names
    assert not [name for name in names if re.match(r"(nn|features|detect|listen)_", name)]
