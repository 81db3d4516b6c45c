"""The USB microphone's descriptors, as a computer reads them, against the specifications.

usb-protocol, an independent implementation of the specifications, parses every descriptor. The
rules it does not know are checked here. Abbreviations: Audio Devices 2.0 (ADC2), USB 2.0 (USB2).
"""

import io
from dataclasses import dataclass
from typing import Any

import pytest
from usb_protocol.types.descriptors import cdc, standard, uac2

from otolith.virtual.nrf52840 import VirtualNrf52840
from otolith.virtual.rp2040 import VirtualPico

DEVICE, CONFIGURATION, STRING = 1, 2, 3
INTERFACE, ENDPOINT, ASSOCIATION, CS_INTERFACE, CS_ENDPOINT = 4, 5, 0x0B, 0x24, 0x25
AUDIO, COMMUNICATIONS, DATA = 1, 2, 10
CONTROL, STREAMING = 1, 2

# (class, subclass) of the enclosing interface -> subtype -> format
CLASS_SPECIFIC = {
    (AUDIO, CONTROL): {
        1: uac2.ClassSpecificAudioControlInterfaceDescriptor,
        2: uac2.InputTerminalDescriptor,
        3: uac2.OutputTerminalDescriptor,
        6: uac2.FeatureUnitDescriptor,
        10: uac2.ClockSourceDescriptor,
    },
    (AUDIO, STREAMING): {
        1: uac2.ClassSpecificAudioStreamingInterfaceDescriptor,
        2: uac2.TypeIFormatTypeDescriptor,
    },
    (COMMUNICATIONS, 2): {
        0: cdc.HeaderDescriptor,
        1: cdc.CallManagementFunctionalDescriptor,
        2: cdc.ACMFunctionalDescriptor,
        6: cdc.UnionFunctionalDescriptor,
    },
}
STANDARD = {
    CONFIGURATION: standard.ConfigurationDescriptor,
    INTERFACE: standard.InterfaceDescriptor,
    ENDPOINT: standard.EndpointDescriptor,
    ASSOCIATION: standard.InterfaceAssociationDescriptor,
}


@dataclass
class Part:
    """A descriptor and its position."""

    data: bytes
    kind: Any  # the format it was parsed with
    fields: Any
    interface: Any  # the preceding interface descriptor, or None


def choose(data: bytes, interface: Any) -> Any:
    if data[1] in STANDARD:
        return STANDARD[data[1]]
    if data[1] == CS_ENDPOINT:
        return uac2.ClassSpecificAudioStreamingIsochronousAudioDataEndpointDescriptor
    assert data[1] == CS_INTERFACE, f"descriptor of type {data[1]:#x}"
    return CLASS_SPECIFIC[interface.bInterfaceClass, interface.bInterfaceSubclass][data[2]]


def read_whole(kind: Any, piece: bytes) -> Any:
    stream = io.BytesIO(piece)
    fields = kind.parse_stream(stream)
    assert stream.read() == b"", f"{kind} leaves a rest of {piece.hex()}"
    return fields


def take_apart(data: bytes) -> list[Part]:
    parts, interface, at = [], None, 0
    while at < len(data):
        length = data[at]
        assert 2 <= length <= len(data) - at, f"length {length} at byte {at}"
        piece = data[at : at + length]
        kind = choose(piece, interface)
        fields = read_whole(kind, piece)
        if kind is standard.InterfaceDescriptor:
            interface = fields
        parts.append(Part(piece, kind, fields, interface))
        at += length
    return parts


@dataclass
class Descriptors:
    """All descriptors a computer reads."""

    device: Any
    parts: list[Part]
    texts: dict[int, str]

    def of(self, kind: Any, *place: int) -> list[Any]:
        """Fields of all descriptors of one kind, optionally only within (class, subclass)."""
        return [
            p.fields
            for p in self.parts
            if p.kind is kind
            and (
                not place or (p.interface.bInterfaceClass, p.interface.bInterfaceSubclass) == place
            )
        ]


@pytest.fixture(scope="module", params=["pico", "nrf52840_dk"])
def mic(request):
    if request.param == "pico":
        with VirtualPico(request.getfixturevalue("mic_image")) as board:
            board.run_ms(50)
            return read_descriptors(board)
    board = VirtualNrf52840(request.getfixturevalue("nrf52_image")("nrf52840_dk-mic"))
    board.plug_usb()
    return read_descriptors(board)


def read_descriptors(board):
    def read(kind, index, length, language=0):
        result = board.control(0x80, 6, kind << 8 | index, language, length)
        assert result.status == "ok"
        return result.data

    device = read(DEVICE, 0, 18)
    head = read(CONFIGURATION, 0, 9)
    total = int.from_bytes(head[2:4], "little")
    whole = read(CONFIGURATION, 0, total)
    assert len(whole) == total
    assert read(CONFIGURATION, 0, 0xFFFF) == whole  # a host may ask for more bytes than there are
    parts = take_apart(whole)
    texts = {}
    for index in range(1, 8):
        result = board.control(0x80, 6, STRING << 8 | index, 0x409, 255)
        if result.status == "ok":
            assert result.data[0] == len(result.data) and result.data[1] == STRING
            texts[index] = result.data[2:].decode("utf-16le")
    return Descriptors(read_whole(standard.DeviceDescriptor, device), parts, texts)


def test_device_says_that_its_functions_are_associations(mic):
    d = mic.device
    # USB2, interface association ECN: class EF, 2, 1
    assert (d.bDeviceClass, d.bDeviceSubclass, d.bDeviceProtocol) == (0xEF, 2, 1)
    assert d.bMaxPacketSize0 in (8, 16, 32, 64)
    assert d.bcdUSB == 2.0
    assert d.bNumConfigurations == 1
    assert (d.idVendor, d.idProduct) == (0x1209, 0x0002)


def test_texts_name_product_and_chip(mic):
    assert mic.texts[mic.device.iProduct] == "Otolith Mic"
    assert mic.texts[mic.device.iManufacturer] == "Otolith"
    serial = mic.texts[mic.device.iSerialNumber]
    assert len(serial) == 16 and int(serial, 16) not in (0, 2**64 - 1)


def test_every_text_that_is_named_exists(mic):
    named = {
        value
        for part in mic.parts
        for key, value in part.fields.items()
        if key.startswith("i") and key[1].isupper() and value
    }
    assert named <= set(mic.texts)


def test_configuration_counts_its_interfaces(mic):
    configuration = mic.parts[0].fields
    numbers = [i.bInterfaceNumber for i in mic.of(standard.InterfaceDescriptor)]
    assert sorted(set(numbers)) == list(range(configuration.bNumInterfaces))
    # USB2, 9.6.3: bit 7 set, bits 4..0 zero
    assert configuration.bmAttributes & 0x9F == 0x80
    assert configuration.bMaxPower * 2 <= 500


def test_associations_cover_every_interface_once(mic):
    covered = []
    for part, following in zip(mic.parts, mic.parts[1:], strict=False):
        if part.kind is not standard.InterfaceAssociationDescriptor:
            continue
        a = part.fields
        covered += range(a.bFirstInterface, a.bFirstInterface + a.bInterfaceCount)
        # it comes directly before its first interface and has the same class
        assert following.fields.bInterfaceNumber == a.bFirstInterface
        assert following.fields.bInterfaceClass == a.bFunctionClass
    assert covered == list(range(mic.parts[0].fields.bNumInterfaces))
    audio = uac2.InterfaceAssociationDescriptor.parse(mic.parts[1].data)
    assert audio.bFunctionClass == AUDIO
    assert audio.bFunctionProtocol == 0x20  # ADC2, table A-3


def test_interfaces_hold_the_endpoints_they_say(mic):
    for part in mic.parts:
        if part.kind is standard.InterfaceDescriptor:
            inside = [
                p
                for p in mic.parts
                if p.kind is standard.EndpointDescriptor and p.interface is part.fields
            ]
            assert len(inside) == part.fields.bNumEndpoints
    addresses = [e.bEndpointAddress for e in mic.of(standard.EndpointDescriptor)]
    assert len(set(addresses)) == len(addresses)
    assert all(1 <= address & 15 <= 15 for address in addresses)


def test_control_interface_measures_itself(mic):
    (header,) = mic.of(uac2.ClassSpecificAudioControlInterfaceDescriptor)
    first = next(i for i, p in enumerate(mic.parts) if p.fields is header)
    size = 0
    for part in mic.parts[first:]:
        if part.data[1] != CS_INTERFACE:
            break
        size += len(part.data)
    assert header.wTotalLength == size  # ADC2, 4.7.2
    assert header.bcdADC == 2.0
    assert header.bCategory == uac2.AudioFunctionCategoryCodes.MICROPHONE
    assert mic.parts[first - 1].fields.bInterfaceProtocol == 0x20


def entities(mic):
    found = {}
    for part in mic.parts:
        for name in ("bTerminalID", "bUnitID", "bClockID"):
            if name in part.fields:
                assert part.fields[name] not in found and part.fields[name] != 0  # ADC2, 3.13
                found[part.fields[name]] = part
    return found


def test_sound_flows_from_microphone_by_volume_to_usb(mic):
    found = entities(mic)
    (streaming,) = mic.of(uac2.ClassSpecificAudioStreamingInterfaceDescriptor)
    output = found[streaming.bTerminalLink]
    assert output.kind is uac2.OutputTerminalDescriptor
    assert output.fields.wTerminalType == uac2.USBTerminalTypes.USB_STREAMING
    volume = found[output.fields.bSourceID]
    assert volume.kind is uac2.FeatureUnitDescriptor
    source = found[volume.fields.bSourceID]
    assert source.kind is uac2.InputTerminalDescriptor
    assert source.fields.wTerminalType == uac2.InputTerminalTypes.MICROPHONE
    clocks = {output.fields.bCSourceID, source.fields.bCSourceID}
    assert len(clocks) == 1
    assert found[clocks.pop()].kind is uac2.ClockSourceDescriptor


def test_channels_agree_everywhere(mic):
    (source,) = mic.of(uac2.InputTerminalDescriptor)
    (streaming,) = mic.of(uac2.ClassSpecificAudioStreamingInterfaceDescriptor)
    (volume,) = mic.of(uac2.FeatureUnitDescriptor)
    assert source.bNrChannels == streaming.bNrChannels == 1
    assert source.bmChannelConfig == streaming.bmChannelConfig
    assert bin(source.bmChannelConfig).count("1") <= source.bNrChannels  # ADC2, 4.1
    assert len(volume.bmaControls) == 1 + source.bNrChannels  # ADC2, 4.7.2.8


def test_mute_and_volume_can_be_set_and_the_clock_only_read(mic):
    (volume,) = mic.of(uac2.FeatureUnitDescriptor)
    (clock,) = mic.of(uac2.ClockSourceDescriptor)
    assert volume.bmaControls[0] == 0b1111  # D1..0 mute, D3..2 volume: host programmable
    assert volume.bmaControls[1] == 0
    assert clock.bmAttributes & 3 == uac2.ClockAttributes.INTERNAL_FIXED_CLOCK
    assert clock.bmControls == 0b0101  # ADC2, 4.7.2.1: frequency and validity read only
    for part in mic.parts:  # 0b10 is forbidden: ADC2, 4.7.2
        controls = part.fields.get("bmaControls") or [part.fields.get("bmControls") or 0]
        for bits in controls:
            assert all(bits >> shift & 3 != 2 for shift in range(0, 32, 2))


def test_format_is_16_bit_pcm(mic):
    (streaming,) = mic.of(uac2.ClassSpecificAudioStreamingInterfaceDescriptor)
    (form,) = mic.of(uac2.TypeIFormatTypeDescriptor)
    assert streaming.bFormatType == form.bFormatType == uac2.FormatTypes.FORMAT_TYPE_I
    assert streaming.bmFormats == uac2.TypeIFormats.PCM
    assert (form.bSubslotSize, form.bBitResolution) == (2, 16)


def test_setting_0_takes_no_bandwidth_and_1_streams(mic):
    settings = mic.of(standard.InterfaceDescriptor, AUDIO, STREAMING)
    assert [(s.bAlternateSetting, s.bNumEndpoints) for s in settings] == [(0, 0), (1, 1)]


def test_isochronous_endpoint_takes_a_frame_and_one_sample_more(mic):
    (endpoint,) = mic.of(standard.EndpointDescriptor, AUDIO, STREAMING)
    assert endpoint.bEndpointAddress & 0x80  # to the computer
    # USB2, 9.6.6: isochronous, asynchronous (a clock of its own), data
    assert endpoint.bmAttributes == 0b00_01_01
    assert endpoint.bInterval == 1
    assert endpoint.wMaxPacketSize == (16 + 1) * 2 <= 1023
    (general,) = mic.of(uac2.ClassSpecificAudioStreamingIsochronousAudioDataEndpointDescriptor)
    assert general.bmAttributes == 0  # packets shorter than the largest are normal
    kinds = [p.data[1] for p in mic.parts]
    assert kinds[kinds.index(CS_ENDPOINT) - 1] == ENDPOINT


def test_console_is_a_cdc_port(mic):
    (union,) = mic.of(cdc.UnionFunctionalDescriptor)
    (call,) = mic.of(cdc.CallManagementFunctionalDescriptor)
    control = mic.of(standard.InterfaceDescriptor, COMMUNICATIONS, 2)
    data = mic.of(standard.InterfaceDescriptor, DATA, 0)
    assert union.bControlInterface == control[0].bInterfaceNumber
    assert union.bSubordinateInterface0 == call.bDataInterface == data[0].bInterfaceNumber
    bulk = mic.of(standard.EndpointDescriptor, DATA, 0)
    assert sorted(e.bEndpointAddress >> 7 for e in bulk) == [0, 1]
    assert all(e.bmAttributes & 3 == 2 and e.wMaxPacketSize == 64 for e in bulk)
