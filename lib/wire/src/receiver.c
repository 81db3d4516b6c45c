#include "receiver.h"

enum { TEXT = 0, OPENED, FRAMED };

void wire_receiver_init(wire_receiver_t *r) {
    r->state = TEXT;
    r->line_size = 0;
    r->too_long = false;
    r->payload_size = 0;
    r->group = 0;
    r->zero_after = false;
}

bool wire_receiver_in_frame(const wire_receiver_t *r) {
    return r->state == FRAMED;
}

static wire_event_t text_byte(wire_receiver_t *r, uint8_t byte) {
    if (byte != '\n') {
        if (r->line_size >= WIRE_MAX_LINE - 1) {
            r->too_long = true;
        } else {
            r->line[r->line_size++] = (char)byte;
        }
        return WIRE_NOTHING;
    }
    uint32_t size = r->line_size;
    const bool too_long = r->too_long;
    r->line_size = 0;
    r->too_long = false;
    if (too_long) {
        return WIRE_LONG_LINE;
    }
    if (size > 0 && r->line[size - 1] == '\r') {
        size--;
    }
    r->line[size] = '\0';
    return size > 0 ? WIRE_LINE : WIRE_NOTHING;
}

static wire_event_t bad_frame(wire_receiver_t *r) {
    wire_receiver_init(r);
    return WIRE_BAD_FRAME;
}

static wire_event_t end_of_frame(wire_receiver_t *r) {
    r->state = TEXT;
    if (r->group != 0 || r->payload_size < WIRE_HEADER + WIRE_CRC) {
        return bad_frame(r);
    }
    const uint32_t size = r->payload_size - WIRE_CRC;
    const uint8_t *tail = r->payload + size;
    const uint32_t crc =
        tail[0] | (uint32_t)tail[1] << 8 | (uint32_t)tail[2] << 16 | (uint32_t)tail[3] << 24;
    if (crc != wire_crc32(0, r->payload, size)) {
        return bad_frame(r);
    }
    r->payload_size = size;
    return WIRE_FRAME;
}

static wire_event_t frame_byte(wire_receiver_t *r, uint8_t byte) {
    if (byte == 0) {
        return end_of_frame(r);
    }
    if (r->group > 0) {
        r->group--;
    } else {
        /* A new group: more data follows, so the group before it stands for a zero. */
        const bool zero = r->zero_after;
        r->group = (uint8_t)(byte - 1);
        r->zero_after = byte != 0xff;
        if (!zero) {
            return WIRE_NOTHING;
        }
        byte = 0;
    }
    if (r->payload_size >= sizeof r->payload) {
        return bad_frame(r);
    }
    r->payload[r->payload_size++] = byte;
    return WIRE_NOTHING;
}

wire_event_t wire_receive(wire_receiver_t *r, uint8_t byte) {
    if (r->state == FRAMED) {
        return frame_byte(r, byte);
    }
    if (byte == 0) {
        const bool cut = r->line_size > 0 || r->too_long;
        wire_receiver_init(r);
        r->state = OPENED;
        return cut ? WIRE_CUT_LINE : WIRE_NOTHING;
    }
    if (r->state == OPENED) {
        if (byte == 2) { /* the type byte, then flags = 0: every frame begins so */
            r->state = FRAMED;
            r->group = 1;
            r->zero_after = true;
            return WIRE_NOTHING;
        }
        r->state = TEXT; /* a stray 0x00 */
    }
    return text_byte(r, byte);
}
