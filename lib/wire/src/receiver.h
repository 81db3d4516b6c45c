/* Bytes from the computer -> lines and frames.
 *
 * Any bytes are allowed: what is neither a line nor a frame is reported and skipped, and the next
 * good line or frame is received. */
#ifndef OTOLITH_WIRE_RECEIVER_H
#define OTOLITH_WIRE_RECEIVER_H

#include "frame.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WIRE_MAX_LINE = 96 }; /* bytes of a command line, its \n included */

typedef enum {
    WIRE_NOTHING = 0,
    WIRE_LINE,      /* `line` holds a line without its \r\n; empty lines are not reported */
    WIRE_FRAME,     /* `payload` holds `payload_size` bytes, at least WIRE_HEADER; CRC checked */
    WIRE_LONG_LINE, /* a line of more than WIRE_MAX_LINE bytes has ended; it is lost */
    WIRE_CUT_LINE,  /* a line was cut by a 0x00; it is lost */
    WIRE_BAD_FRAME, /* a frame was broken (COBS, length, CRC); it is lost */
} wire_event_t;

typedef struct {
    char line[WIRE_MAX_LINE]; /* NUL-terminated at WIRE_LINE */
    uint8_t payload[WIRE_MAX_PAYLOAD + WIRE_CRC] __attribute__((aligned(4)));
    uint32_t payload_size;
    /* The rest is the receiver's own. */
    uint8_t state;
    bool too_long;
    uint32_t line_size;
    uint8_t group;   /* COBS: data bytes left in this group */
    bool zero_after; /* COBS: this group stands for a zero at its end */
} wire_receiver_t;

void wire_receiver_init(wire_receiver_t *r);

/* Take one byte. Returns what it completed, which is valid until the next call. */
wire_event_t wire_receive(wire_receiver_t *r, uint8_t byte);

/* Whether a frame has begun and not ended. If nothing comes for long, give it up by
 * wire_receiver_init. */
bool wire_receiver_in_frame(const wire_receiver_t *r);

#ifdef __cplusplus
}
#endif
#endif
