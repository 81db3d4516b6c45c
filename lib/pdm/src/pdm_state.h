/* State of a PDM stream, for pdm.c alone. */
#ifndef OTOLITH_PDM_STATE_H
#define OTOLITH_PDM_STATE_H

#include <stdint.h>

enum {
    PDM_BLOCK = 16,       /* PCM samples filtered at a time, at most */
    PDM_MIDDLE_TAPS = 11, /* 64 kHz -> 32 kHz */
    PDM_LAST_PAIRS = 16,  /* 32 kHz -> 16 kHz: a half-band of 63 taps has 16 pairs that count */
};

/* The filters from 64 kHz on: their inputs with the past they need, and room to move it. */
typedef struct {
    uint16_t middle[16 + 4 * PDM_BLOCK] __attribute__((aligned(4))); /* 64 kHz */
    int32_t even[PDM_LAST_PAIRS + PDM_BLOCK];    /* 32 kHz, every second sample */
    int32_t odd[2 * PDM_LAST_PAIRS + PDM_BLOCK]; /* and the ones between */
    int32_t mean;                                /* of the output, for the DC notch */
} pdm_tail_t;

struct pdm {
    /* What a byte of bits adds to the four outputs of the first filter that it reaches. Indices:
     * first or second byte of 16 bits; the byte; outputs 0 and 2 or 1 and 3, in the halves of a
     * word. */
    uint32_t table[2][256][2];
    uint32_t open[2]; /* the outputs in progress: 0 and 2, 1 and 3 */
    pdm_tail_t tail;
};

#endif
