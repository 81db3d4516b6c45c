#ifndef OTOLITH_LEADING_ZEROS_H
#define OTOLITH_LEADING_ZEROS_H

#include <stdint.h>

/* Zeros above the first one bit; 31 for 0, too. Cortex-M0+ has no instruction for it, and libgcc's
 * function costs more than four comparisons in line. */
static inline uint32_t leading_zeros(uint32_t x) {
#ifdef __ARM_ARCH_6M__
    uint32_t count = 0;
    if (x >> 16 == 0) {
        x <<= 16;
        count += 16;
    }
    if (x >> 24 == 0) {
        x <<= 8;
        count += 8;
    }
    if (x >> 28 == 0) {
        x <<= 4;
        count += 4;
    }
    if (x >> 30 == 0) {
        x <<= 2;
        count += 2;
    }
    return count + 1 - (x >> 31);
#else
    return (uint32_t)__builtin_clz(x | 1);
#endif
}

#endif
