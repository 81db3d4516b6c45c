/* Logarithmic compression of front-end values. */
#ifndef OTOLITH_LOG2_Q10_H
#define OTOLITH_LOG2_Q10_H

#include <stdint.h>

/* 1024 * log2(1 + x), 0 to 15360, for x from 0 to 32767; below 0 it is 0. Monotone, and within
 * 1.1 of the exact value: a table of 33 entries with linear interpolation. */
int16_t log2_q10(int16_t x);

#endif
