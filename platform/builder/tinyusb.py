"""TinyUSB 0.18 for lib/usb: the sources that every chip needs, and the functions lib/usb wraps."""

SOURCES = [
    "src/tusb.c",
    "src/common/tusb_fifo.c",
    "src/device/usbd.c",
    "src/device/usbd_control.c",
    "src/class/audio/audio_device.c",
    "src/class/cdc/cdc_device.c",
]
# lib/usb intercepts calls to these TinyUSB functions
WRAPPED = [
    "dcd_edpt_stall",
    "dcd_edpt_xfer",
    "tud_control_xfer",
    "usbd_control_reset",
    "usbd_control_set_complete_callback",
]
