/* Tables of the front end `lfbe`; host/otolith/features/lfbe.py computes them. */
#ifndef OTOLITH_LFBE_H
#define OTOLITH_LFBE_H

#include <stdint.h>

#include "pair.h"

enum {
    LFBE_HOP = 512, /* samples; a frame looks at two hops */
    LFBE_MAX_BANDS = 64,
};

/* Tables for one choice of settings. */
typedef struct {
    const uint32_t *turns;   /* Q15 pairs (cos, sin) of 2 pi k / 1024 for k = 0 .. 255 */
    const uint16_t *window;  /* Q15, the first half of a symmetric window: LFBE_HOP values */
    const uint8_t *order;    /* k with its 7 bits reversed, for k = 0 .. 127 */
    const uint16_t *spans;   /* bands + 1 values: FFT bins between two peaks, from bin 1 on */
    const uint16_t *weights; /* Q12, a bin each: the share of the filter with the later peak */
    uint64_t *work;          /* room for LFBE_HOP values, used within a call only */
} lfbe_tables_t;

#endif
