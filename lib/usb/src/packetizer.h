/* Blocks of samples on the microphone's clock -> packets of one millisecond on the host's clock.
 *
 * A ring lies between the two clocks. After each block its level is compared with a window: above
 * it the next packet has one sample more, below it one less. No sample is lost or repeated. One
 * sample a block of 128 makes up for clocks that differ by 1/128, or 7,800 ppm. */
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
    /* Level right after a block of 128. It begins with two blocks. The first packet is still empty,
     * so one packet more stays from then on, and one more or less by the clocks' phases. */
    PACKETIZER_START = 256,
    PACKETIZER_LOW = PACKETIZER_START - 2 * PACKETIZER_NOMINAL, /* 6 ms stay for a late block */
    PACKETIZER_HIGH = PACKETIZER_START + 4 * PACKETIZER_NOMINAL,
};

typedef struct {
    int16_t ring[PACKETIZER_RING];
    uint32_t put, taken; /* samples since the reset */
    int8_t correction;   /* of the next packet, samples */
    bool flowing;        /* false: it fills up to PACKETIZER_START first */
    uint32_t lost;       /* samples that found no room, since init */
    uint32_t underruns;  /* times the ring ran dry, since init */
} packetizer_t;

/* Begin with an empty ring and counts of 0. */
void packetizer_init(packetizer_t *p);

/* Empty the ring; the counts stay. */
void packetizer_reset(packetizer_t *p);

/* Append samples. If they do not all fit, all of them are lost. */
void packetizer_put(packetizer_t *p, const int16_t *pcm, uint32_t samples);

/* Take the next packet. Returns its number of samples; 0 while the ring fills up. */
uint32_t packetizer_take(packetizer_t *p, int16_t pcm[PACKETIZER_LARGEST]);

#ifdef __cplusplus
}
#endif
#endif
