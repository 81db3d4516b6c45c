/* Square roots without a division or a loop. */
#ifndef OTOLITH_ROOT_H
#define OTOLITH_ROOT_H

#include <stdint.h>

/* round(256 * sqrt((64 + i) * 2^22 / 2)). The last one is read for x = 4^k, where its weight is 0.
 */
extern const uint32_t root_table[194];

/* floor(sqrt(x / 2)) for x from 2 to 2^30; rest: x minus twice its square. */
static inline uint32_t half_root(uint32_t x, uint32_t *rest) {
    /* to 2^28 .. 2^30, in steps of 4 */
    uint32_t top = x - 1, down = 8;
    if (top >> 14 == 0) {
        top <<= 16;
        down += 8;
    }
    if (top >> 22 == 0) {
        top <<= 8;
        down += 4;
    }
    if (top >> 26 == 0) {
        top <<= 4;
        down += 2;
    }
    if (top >> 28 == 0) {
        down += 1;
    }
    top = x << (2 * down - 16);
    const uint32_t *near = root_table + (top >> 22) - 64;
    /* the chord lies below the curve by 46 at most */
    const uint32_t rise = (near[1] - near[0]) * (top << 10 >> 16) >> 16;
    uint32_t root = (near[0] + rise + 49) >> down;
    uint32_t square = 2 * root * root;
    if (square > x) {
        root--;
        square -= 4 * root + 2;
    }
    *rest = x - square;
    return root;
}

/* TFLM's Sqrt64 for x below 2^60: rounded to nearest, but below 2^32 never above 65535. */
uint32_t root_64(uint64_t x);

#endif
