/* Samples in blocks, on the microphone's clock -> packets of one millisecond, on the host's clock.
 *
 * A ring lies between the two. After each block its level is looked at: above the window the next
 * packet has a sample more, below it one less. No sample is lost or repeated; a block of 128 allows
 * for 1 / 128, or 7,800 ppm, of difference between the clocks. */
#ifndef OTOLITH_PACKETIZER_H
#define OTOLITH_PACKETIZER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PACKETIZER_NOMINAL = 16, /* samples a packet: 16 kHz, 1 kHz */
    PACKETIZER_LARGEST = PACKETIZER_NOMINAL + 1,
    PACKETIZER_RING = 1024, /* samples, a power of two */
    /* Level right after a block of 128: two blocks to begin with; one packet more from then on, as
     * the first to go is still empty, and one more or less as the two clocks' phases fall. */
    PACKETIZER_START = 256,
    PACKETIZER_LOW = PACKETIZER_START - 2 * PACKETIZER_NOMINAL, /* 6 ms stay for a late block */
    PACKETIZER_HIGH = PACKETIZER_START + 4 * PACKETIZER_NOMINAL,
};

typedef struct {
    int16_t ring[PACKETIZER_RING];
    uint32_t put, taken; /* samples since the reset */
    int8_t correction;   /* of the next packet, samples */
    bool flowing;        /* false: fill up to PACKETIZER_START first */
    uint32_t lost;       /* samples that found no room, since init */
    uint32_t underruns;  /* times the ring ran dry, since init */
} packetizer_t;

void packetizer_init(packetizer_t *p);

/* Forget what is in the ring, keep the counts. */
void packetizer_reset(packetizer_t *p);

/* Append `samples` values; all of them are lost if they don't fit. */
void packetizer_put(packetizer_t *p, const int16_t *pcm, uint32_t samples);

/* The next packet's samples; their number, 0 while the ring fills up. */
uint32_t packetizer_take(packetizer_t *p, int16_t pcm[PACKETIZER_LARGEST]);

#ifdef __cplusplus
}
#endif
#endif
