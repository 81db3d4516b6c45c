/* Descriptors: USB 2.0 chapter 9, CDC 1.2, and for the microphone Audio Devices 2.0 (chapter 4)
 * with Audio Data Formats 2.0 (type I). */
#include "usb.h"

#include "tusb.h"

#ifdef OTOLITH_USB_MICROPHONE
#include "usb_microphone.h"
#define PRODUCT_ID USB_PRODUCT_MICROPHONE
#define PRODUCT_NAME "Otolith Mic"
#define MICROPHONE_BYTES USB_MICROPHONE_DESCRIPTOR_BYTES
#else
#define PRODUCT_ID USB_PRODUCT_BOARD
#define PRODUCT_NAME "Otolith"
#define MICROPHONE_BYTES 0
#endif

enum { RELEASE = 0x0010, MILLIAMPERE = 100 };
enum {
    TEXT_LANGUAGE = 0,
    TEXT_MANUFACTURER,
    TEXT_PRODUCT,
    TEXT_SERIAL,
    TEXT_CONSOLE,
    TEXT_COUNT,
    TEXT_LONGEST = 32
};
enum {
#ifdef OTOLITH_USB_MICROPHONE
    INTERFACE_CONTROL = USB_MICROPHONE_CONTROL,
    INTERFACE_STREAM,
#endif
    INTERFACE_CDC,
    INTERFACE_CDC_DATA,
    INTERFACES
};
/* Endpoint 1 IN, or another (usb_microphone.h), is the microphone's. */
enum { ENDPOINT_NOTIFY = 0x82, ENDPOINT_OUT = 0x03, ENDPOINT_IN = 0x83 };
enum { CONFIGURATION_BYTES = TUD_CONFIG_DESC_LEN + MICROPHONE_BYTES + TUD_CDC_DESC_LEN };

static const tusb_desc_device_t device_descriptor = {
    .bLength = sizeof(tusb_desc_device_t),
    .bDescriptorType = TUSB_DESC_DEVICE,
    .bcdUSB = 0x0200,
    /* A function has several interfaces: interface associations say which. */
    .bDeviceClass = TUSB_CLASS_MISC,
    .bDeviceSubClass = MISC_SUBCLASS_COMMON,
    .bDeviceProtocol = MISC_PROTOCOL_IAD,
    .bMaxPacketSize0 = CFG_TUD_ENDPOINT0_SIZE,
    .idVendor = USB_VENDOR,
    .idProduct = PRODUCT_ID,
    .bcdDevice = RELEASE,
    .iManufacturer = TEXT_MANUFACTURER,
    .iProduct = TEXT_PRODUCT,
    .iSerialNumber = TEXT_SERIAL,
    .bNumConfigurations = 1,
};

#ifdef OTOLITH_USB_MICROPHONE
enum {
    /* length of what stands between the control interface's header and the streaming interface */
    ENTITY_BYTES = TUD_AUDIO_DESC_CLK_SRC_LEN + TUD_AUDIO_DESC_INPUT_TERM_LEN +
                   TUD_AUDIO_DESC_FEATURE_UNIT_ONE_CHANNEL_LEN + TUD_AUDIO_DESC_OUTPUT_TERM_LEN,
    CLOCK_CONTROLS = AUDIO_CTRL_R << AUDIO_CLOCK_SOURCE_CTRL_CLK_FRQ_POS |
                     AUDIO_CTRL_R << AUDIO_CLOCK_SOURCE_CTRL_CLK_VAL_POS,
    MASTER_CONTROLS = AUDIO_CTRL_RW << AUDIO_FEATURE_UNIT_CTRL_MUTE_POS |
                      AUDIO_CTRL_RW << AUDIO_FEATURE_UNIT_CTRL_VOLUME_POS,
    CHANNELS = 1,
    PLACE = AUDIO_CHANNEL_CONFIG_FRONT_CENTER,
};
#endif

static const uint8_t configuration_descriptor[] = {
    TUD_CONFIG_DESCRIPTOR(1, INTERFACES, 0, CONFIGURATION_BYTES, 0, MILLIAMPERE),
#ifdef OTOLITH_USB_MICROPHONE
    TUD_AUDIO_DESC_IAD(INTERFACE_CONTROL, 2, 0),
    TUD_AUDIO_DESC_STD_AC(INTERFACE_CONTROL, 0, TEXT_PRODUCT),
    TUD_AUDIO_DESC_CS_AC(0x0200, AUDIO_FUNC_MICROPHONE, ENTITY_BYTES, 0),
    TUD_AUDIO_DESC_CLK_SRC(USB_MICROPHONE_CLOCK, AUDIO_CLOCK_SOURCE_ATT_INT_FIX_CLK, CLOCK_CONTROLS,
                           0, 0),
    TUD_AUDIO_DESC_INPUT_TERM(USB_MICROPHONE_INPUT, AUDIO_TERM_TYPE_IN_GENERIC_MIC, 0,
                              USB_MICROPHONE_CLOCK, CHANNELS, PLACE, 0, 0, 0),
    TUD_AUDIO_DESC_FEATURE_UNIT_ONE_CHANNEL(USB_MICROPHONE_VOLUME, USB_MICROPHONE_INPUT,
                                            MASTER_CONTROLS, 0, 0),
    TUD_AUDIO_DESC_OUTPUT_TERM(USB_MICROPHONE_OUTPUT, AUDIO_TERM_TYPE_USB_STREAMING, 0,
                               USB_MICROPHONE_VOLUME, USB_MICROPHONE_CLOCK, 0, 0),
    /* setting 0 takes no bandwidth, 1 streams */
    TUD_AUDIO_DESC_STD_AS_INT(INTERFACE_STREAM, 0, 0, 0),
    TUD_AUDIO_DESC_STD_AS_INT(INTERFACE_STREAM, 1, 1, 0),
    TUD_AUDIO_DESC_CS_AS_INT(USB_MICROPHONE_OUTPUT, 0, AUDIO_FORMAT_TYPE_I,
                             AUDIO_DATA_FORMAT_TYPE_I_PCM, CHANNELS, PLACE, 0),
    TUD_AUDIO_DESC_TYPE_I_FORMAT(2, 16),
    TUD_AUDIO_DESC_STD_AS_ISO_EP(USB_MICROPHONE_ENDPOINT,
                                 TUSB_XFER_ISOCHRONOUS | TUSB_ISO_EP_ATT_ASYNCHRONOUS,
                                 USB_MICROPHONE_PACKET_BYTES, 1),
    TUD_AUDIO_DESC_CS_AS_ISO_EP(0, 0, AUDIO_CS_AS_ISO_DATA_EP_LOCK_DELAY_UNIT_UNDEFINED, 0),
#endif
    TUD_CDC_DESCRIPTOR(INTERFACE_CDC, TEXT_CONSOLE, ENDPOINT_NOTIFY, 8, ENDPOINT_OUT, ENDPOINT_IN,
                       64),
};

_Static_assert(sizeof configuration_descriptor == CONFIGURATION_BYTES,
               "USB_MICROPHONE_DESCRIPTOR_BYTES is the length of these descriptors");

const uint8_t *tud_descriptor_device_cb(void) {
    return (const uint8_t *)&device_descriptor;
}

const uint8_t *tud_descriptor_configuration_cb(uint8_t index) {
    return index == 0 ? configuration_descriptor : NULL;
}

const uint16_t *tud_descriptor_string_cb(uint8_t index, uint16_t language) {
    static uint16_t descriptor[1 + TEXT_LONGEST];
    (void)language;
    uint32_t length = 1;
    if (index == TEXT_LANGUAGE) {
        descriptor[1] = 0x0409; /* English */
    } else if (index < TEXT_COUNT) {
        const char *const texts[] = {NULL, "Otolith", PRODUCT_NAME, usb_serial(),
                                     "Otolith console"};
        const char *text = texts[index];
        for (length = 0; length < TEXT_LONGEST && text[length]; length++) {
            descriptor[1 + length] = (uint8_t)text[length];
        }
    } else {
        return NULL;
    }
    descriptor[0] = (uint16_t)(TUSB_DESC_STRING << 8 | (2 + 2 * length));
    return descriptor;
}
