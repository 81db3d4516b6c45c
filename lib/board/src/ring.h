/* A ring of bytes between an interrupt and the main loop. Use it with interrupts off. */
#ifndef OTOLITH_BOARD_RING_H
#define OTOLITH_BOARD_RING_H

#include <stdint.h>

enum { RING = 4096 }; /* room for a frame and a line; a power of two */

typedef struct {
    uint8_t data[RING];
    uint32_t in, out; /* both only grow; their difference is what the ring holds */
} ring_t;

static inline uint32_t ring_held(const ring_t *ring) {
    return ring->in - ring->out;
}

static inline uint32_t ring_room(const ring_t *ring) {
    return RING - ring_held(ring);
}

/* Add a byte. There must be room. */
static inline void ring_put(ring_t *ring, uint8_t byte) {
    ring->data[ring->in++ % RING] = byte;
}

/* Take the oldest byte. There must be one. */
static inline uint8_t ring_take(ring_t *ring) {
    return ring->data[ring->out++ % RING];
}

/* Read up to `size` bytes; write up to `size` bytes. Both return how many were moved. */
static inline uint32_t ring_read(ring_t *ring, uint8_t *data, uint32_t size) {
    const uint32_t held = ring_held(ring), count = size < held ? size : held;
    for (uint32_t i = 0; i < count; i++) {
        data[i] = ring_take(ring);
    }
    return count;
}

static inline uint32_t ring_write(ring_t *ring, const uint8_t *data, uint32_t size) {
    const uint32_t room = ring_room(ring), count = size < room ? size : room;
    for (uint32_t i = 0; i < count; i++) {
        ring_put(ring, data[i]);
    }
    return count;
}

#endif
