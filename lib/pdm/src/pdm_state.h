/* What a PDM stream keeps; for pdm.c alone. */
#ifndef OTOLITH_PDM_STATE_H
#define OTOLITH_PDM_STATE_H

#include <stdint.h>

enum {
    PDM_SINC_BYTES = 10,  /* 76 taps of the first filter, in bytes of bits */
    PDM_MIDDLE_TAPS = 11, /* 64 kHz -> 32 kHz */
    PDM_LAST_TAPS = 57,   /* 32 kHz -> 16 kHz */
};

struct pdm {
    /* Sum of the first filter's taps for every byte at every place in it. */
    int32_t table[PDM_SINC_BYTES][256];
    uint8_t bits[16];                      /* the last 8 bytes, then 8 new ones */
    int32_t middle[PDM_MIDDLE_TAPS + 3];   /* 64 kHz */
    int32_t last[2 * (PDM_LAST_TAPS + 1)]; /* 32 kHz, a ring written twice */
    uint32_t last_at;
    int32_t mean; /* of the output, for the DC notch */
};

#endif
