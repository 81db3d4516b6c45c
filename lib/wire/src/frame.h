/* Binary frames between lines of text: 0x00, COBS(payload + CRC-32), 0x00.
 *
 * A payload is a type byte, a flags byte (0 in protocol 1), a uint16 sequence number and data.
 * Numbers are little-endian. Since flags is always 0, the byte after the opening 0x00 is always
 * COBS code 2; that tells a frame from a stray 0x00 before text at once. */
#ifndef OTOLITH_WIRE_FRAME_H
#define OTOLITH_WIRE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WIRE_HEADER = 4,      /* bytes before the data */
    WIRE_MAX_DATA = 1024, /* bytes of data in a frame */
    WIRE_MAX_PAYLOAD = WIRE_HEADER + WIRE_MAX_DATA,
    WIRE_CRC = 4,
    /* COBS adds a byte for every 254 begun; the delimiters add two. */
    WIRE_MAX_FRAME = WIRE_MAX_PAYLOAD + WIRE_CRC + (WIRE_MAX_PAYLOAD + WIRE_CRC) / 254 + 1 + 2,
};

/* Frame types. */
enum { WIRE_PCM = 'P', WIRE_FEATURES = 'F', WIRE_TENSOR = 'T' };

/* CRC-32 as in zlib and Ethernet. Start with crc = 0; continue with the last result. */
uint32_t wire_crc32(uint32_t crc, const uint8_t *data, uint32_t size);

/* Encode a frame, delimiters included.
 *
 * size: of data, 0 to WIRE_MAX_DATA. frame: room for WIRE_MAX_FRAME bytes.
 * Returns the frame's length, or 0 if the data is too long. */
uint32_t wire_encode(uint8_t type, uint16_t sequence, const uint8_t *data, uint32_t size,
                     uint8_t *frame);

/* The sequence number of a payload. */
static inline uint16_t wire_sequence(const uint8_t *payload) {
    return (uint16_t)(payload[2] | payload[3] << 8);
}

#ifdef __cplusplus
}
#endif
#endif
