/* Logarithmic compression of front-end values. */
#ifndef OTOLITH_LOG2_Q10_H
#define OTOLITH_LOG2_Q10_H

#include <stdint.h>

/* 1024 * log2(1 + x) for x in 0..32767 (below 0 counts as 0): 0..15360. Monotone; a 33-entry table
 * with linear interpolation, within 1.1 of the exact value. */
int16_t log2_q10(int16_t x);

#endif
