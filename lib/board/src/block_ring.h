/* A ring of microphone blocks between a DMA that never waits and the main loop.
 *
 * The interrupt counts the blocks that are complete; the main loop takes them. Nothing stops the
 * DMA when the main loop is late, so a block is copied first, and counts as read only if the DMA
 * has not begun to overwrite it meanwhile. Blocks that are overwritten unread are overruns.
 *
 * One microphone.c includes this per image. What differs between chips stands in a constant
 * block_source_t, so the compiler resolves it and nothing is called through a pointer. */
#ifndef OTOLITH_BOARD_BLOCK_RING_H
#define OTOLITH_BOARD_BLOCK_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BLOCKS = 64 }; /* room, 512 ms; a power of two */

typedef struct {
    volatile uint32_t filled; /* blocks complete since the start; the interrupt's */
    uint32_t taken;           /* read, lost or skipped since the start; the main loop's */
    uint32_t overruns;        /* lost since the start; the main loop's */
} block_ring_t;

typedef struct {
    uint32_t in_work; /* blocks the DMA may be writing, 1 or 2: not to be read */
    /* Blocks lost before the one in each place, because the interrupt came too late; or NULL if a
     * late interrupt loses none. */
    const volatile uint32_t *missed;
    void (*update)(void); /* counts what no interrupt has counted yet; or NULL */
    void (*copy)(uint32_t block, int16_t *pcm); /* block: its number since the start */
} block_source_t;

#define BLOCK_RING_INLINE static inline __attribute__((always_inline, unused))

/* Begin again. settling: blocks to drop at the start, no overruns. With the interrupt off. */
BLOCK_RING_INLINE void block_ring_start(block_ring_t *ring, uint32_t settling) {
    ring->filled = ring->overruns = 0;
    ring->taken = settling;
}

/* Nothing waits any more. With the interrupt off. */
BLOCK_RING_INLINE void block_ring_stop(block_ring_t *ring) {
    ring->filled = ring->taken;
}

/* Interrupt: the DMA has completed `total` blocks, known modulo BLOCKS. Exact even if this
 * interrupt came late and stands for several blocks. */
BLOCK_RING_INLINE void block_ring_count(block_ring_t *ring, uint32_t total) {
    ring->filled += (total - ring->filled) % BLOCKS;
}

/* Blocks complete and not taken; 0 while the microphone settles. */
BLOCK_RING_INLINE uint32_t block_ring_waiting(const block_ring_t *ring,
                                              const block_source_t *source) {
    if (source->update != NULL) {
        source->update();
    }
    const int32_t difference = (int32_t)(ring->filled - ring->taken);
    return difference > 0 ? (uint32_t)difference : 0;
}

/* The oldest block is done with. */
BLOCK_RING_INLINE void block_ring_leave(block_ring_t *ring, const block_source_t *source) {
    if (source->missed != NULL) {
        ring->overruns += source->missed[ring->taken % BLOCKS];
    }
    ring->taken++;
}

/* Give up the blocks that the DMA may have begun to overwrite; returns whether there were any. */
BLOCK_RING_INLINE bool block_ring_drop(block_ring_t *ring, const block_source_t *source) {
    bool dropped = false;
    while (block_ring_waiting(ring, source) > BLOCKS - source->in_work) {
        ring->overruns++;
        block_ring_leave(ring, source);
        dropped = true;
    }
    return dropped;
}

/* microphone_read: take the oldest block. */
BLOCK_RING_INLINE bool block_ring_read(block_ring_t *ring, const block_source_t *source,
                                       int16_t *pcm) {
    for (;;) {
        block_ring_drop(ring, source);
        if (block_ring_waiting(ring, source) == 0) {
            return false;
        }
        source->copy(ring->taken, pcm);
        if (!block_ring_drop(ring, source)) { /* nor was it overwritten meanwhile */
            block_ring_leave(ring, source);
            return true;
        }
    }
}

/* microphone_skip: drop all that waits; returns how many blocks that were. */
BLOCK_RING_INLINE uint32_t block_ring_skip(block_ring_t *ring, const block_source_t *source) {
    const uint32_t waiting = block_ring_waiting(ring, source);
    if (source->missed == NULL) {
        ring->taken += waiting;
    } else {
        for (uint32_t i = 0; i < waiting; i++) {
            block_ring_leave(ring, source);
        }
    }
    return waiting;
}

#endif
