/* Magnitudes of a Q15 spectrum: what arm_cmplx_mag_q15 gives. */
#ifndef OTOLITH_MAGNITUDE_H
#define OTOLITH_MAGNITUDE_H

#include <stdint.h>

/* The upper half of arm_sqrt_q31(x), x up to 2^30: sqrt(x / 2), all but exactly its floor. */
uint32_t magnitude_root(uint32_t x);

/* |re + i im| / 2 for two Q15 numbers */
static inline int16_t magnitude_q15(int32_t re, int32_t im) {
    return (int16_t)magnitude_root(((uint32_t)(re * re) + (uint32_t)(im * im)) >> 1);
}

#endif
