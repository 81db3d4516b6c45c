/* The console as a USB CDC port (TinyUSB). Its interrupt only queues events; console_task works
 * on them from the main loop. */
#include "../board.h"

#include <string.h>

#include "tusb.h"

#include "internal.h"

/* pid.codes' test ids: for development, not for products that are sold. */
enum { VENDOR = 0x1209, PRODUCT = 0x0001, RELEASE = 0x0010 };

enum { TEXT_LANGUAGE = 0, TEXT_MANUFACTURER, TEXT_PRODUCT, TEXT_SERIAL, TEXT_COUNT };
enum { INTERFACE_CDC = 0, INTERFACE_CDC_DATA, INTERFACES };
enum { ENDPOINT_NOTIFY = 0x81, ENDPOINT_OUT = 0x02, ENDPOINT_IN = 0x82 };
enum { CONFIGURATION_BYTES = TUD_CONFIG_DESC_LEN + TUD_CDC_DESC_LEN };

static const tusb_desc_device_t device_descriptor = {
    .bLength = sizeof(tusb_desc_device_t),
    .bDescriptorType = TUSB_DESC_DEVICE,
    .bcdUSB = 0x0200,
    /* The two interfaces of CDC belong together: an interface association says so. */
    .bDeviceClass = TUSB_CLASS_MISC,
    .bDeviceSubClass = MISC_SUBCLASS_COMMON,
    .bDeviceProtocol = MISC_PROTOCOL_IAD,
    .bMaxPacketSize0 = CFG_TUD_ENDPOINT0_SIZE,
    .idVendor = VENDOR,
    .idProduct = PRODUCT,
    .bcdDevice = RELEASE,
    .iManufacturer = TEXT_MANUFACTURER,
    .iProduct = TEXT_PRODUCT,
    .iSerialNumber = TEXT_SERIAL,
    .bNumConfigurations = 1,
};

static const uint8_t configuration_descriptor[] = {
    TUD_CONFIG_DESCRIPTOR(1, INTERFACES, 0, CONFIGURATION_BYTES, 0, 100),
    TUD_CDC_DESCRIPTOR(INTERFACE_CDC, 0, ENDPOINT_NOTIFY, 8, ENDPOINT_OUT, ENDPOINT_IN, 64),
};

const uint8_t *tud_descriptor_device_cb(void) {
    return (const uint8_t *)&device_descriptor;
}

const uint8_t *tud_descriptor_configuration_cb(uint8_t index) {
    (void)index;
    return configuration_descriptor;
}

const uint16_t *tud_descriptor_string_cb(uint8_t index, uint16_t language) {
    static uint16_t descriptor[1 + 32];
    (void)language;
    uint32_t length = 1;
    if (index == TEXT_LANGUAGE) {
        descriptor[1] = 0x0409; /* English */
    } else if (index < TEXT_COUNT) {
        const char *const texts[] = {NULL, "Otolith", "Otolith", board_serial()};
        const char *text = texts[index];
        for (length = 0; length < 32 && text[length]; length++) {
            descriptor[1 + length] = (uint8_t)text[length];
        }
    } else {
        return NULL;
    }
    descriptor[0] = (uint16_t)(TUSB_DESC_STRING << 8 | (2 + 2 * length));
    return descriptor;
}

void tud_cdc_line_state_cb(uint8_t port, bool dtr, bool rts) {
    (void)port;
    (void)rts;
    if (!dtr) { /* the program on the other side has gone: the next one starts afresh */
        tud_cdc_write_clear();
        tud_cdc_read_flush();
    }
}

void console_init(void) {
    tud_init(0);
}

bool console_pending(void) {
    return tud_task_event_ready();
}

bool console_connected(void) {
    return tud_cdc_connected();
}

uint32_t console_read(uint8_t *data, uint32_t size) {
    return tud_cdc_read(data, size);
}

uint32_t console_write(const uint8_t *data, uint32_t size) {
    const uint32_t written = tud_cdc_write(data, size);
    tud_cdc_write_flush();
    return written;
}

uint32_t console_write_room(void) {
    return tud_cdc_write_available();
}

void console_task(void) {
    tud_task();
}
