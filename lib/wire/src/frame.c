#include "frame.h"

/* One entry for each nibble: 64 bytes of flash instead of a kilobyte, and fast enough for a
 * serial line. */
static const uint32_t crc_nibble[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

uint32_t wire_crc32(uint32_t crc, const uint8_t *data, uint32_t size) {
    crc = ~crc;
    for (uint32_t i = 0; i < size; i++) {
        crc ^= data[i];
        crc = (crc >> 4) ^ crc_nibble[crc & 15];
        crc = (crc >> 4) ^ crc_nibble[crc & 15];
    }
    return ~crc;
}

/* COBS encoder. It takes single bytes; `code` is the place of the current group's length. */
typedef struct {
    uint8_t *frame;
    uint32_t length, code;
} cobs_t;

static void cobs_group(cobs_t *c) {
    c->frame[c->code] = (uint8_t)(c->length - c->code);
    c->code = c->length++;
}

static void cobs_put(cobs_t *c, const uint8_t *data, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        if (data[i] != 0) {
            c->frame[c->length++] = data[i];
        }
        if (data[i] == 0 || c->length - c->code == 0xff) {
            cobs_group(c);
        }
    }
}

uint32_t wire_encode(uint8_t type, uint16_t sequence, const uint8_t *data, uint32_t size,
                     uint8_t *frame) {
    if (size > WIRE_MAX_DATA) {
        return 0;
    }
    const uint8_t header[WIRE_HEADER] = {type, 0, (uint8_t)sequence, (uint8_t)(sequence >> 8)};
    const uint32_t crc = wire_crc32(wire_crc32(0, header, WIRE_HEADER), data, size);
    const uint8_t tail[WIRE_CRC] = {(uint8_t)crc, (uint8_t)(crc >> 8), (uint8_t)(crc >> 16),
                                    (uint8_t)(crc >> 24)};
    cobs_t c = {.frame = frame, .length = 2, .code = 1};
    frame[0] = 0;
    cobs_put(&c, header, WIRE_HEADER);
    cobs_put(&c, data, size);
    cobs_put(&c, tail, WIRE_CRC);
    cobs_group(&c);
    frame[c.code] = 0;
    return c.length;
}
