/* arm_vlog_q31 by table. Its last bits are computed only where they decide the rounding. */
#include "log_q31.h"

#include "leading_zeros.h"

/* round(2^20 * ln(1 + i / 64)) */
static const uint32_t logs[65] = {
    0,      16257,  32266,  48035,  63570,  78877,  93965,  108839, 123504, 137968, 152234,
    166309, 180198, 193905, 207435, 220793, 233983, 247009, 259875, 272585, 285143, 297552,
    309817, 321939, 333923, 345771, 357487, 369074, 380534, 391870, 403085, 414181, 425161,
    436027, 446782, 457427, 467966, 478400, 488731, 498961, 509092, 519126, 529065, 538911,
    548665, 558330, 567906, 577395, 586800, 596120, 605359, 614517, 623596, 632596, 641520,
    650369, 659144, 667846, 676476, 685036, 693527, 701949, 710304, 718593, 726817,
};

enum {
    LN_2 = 46516320, /* 2^26 * ln 2, as arm_mfcc_q15 has it */
    CHORD = 16,      /* half of how far the curve is above the table's chords */
    MARGIN = 24,     /* table and definition are nearer than this */
};

/* The definition, q5.26: bits of the logarithm by squaring (Turner, A Fast Binary Logarithm
 * Algorithm, IEEE Signal Processing Magazine 27(5), 2010). normal: x, shifted up by zeros - 1. */
static int32_t by_squaring(uint32_t normal, uint32_t zeros) {
    uint32_t x = normal, log2 = 0;
    for (uint32_t bit = 1u << 25; bit > 0; bit >>= 1) {
        x = (uint32_t)(((uint64_t)x * x) >> 30);
        if (x >> 31) {
            log2 += bit;
            x >>= 1;
        }
    }
    return (int32_t)(((int64_t)((int32_t)log2 - (int32_t)(zeros << 26)) * 0x58b90bfb) >> 31);
}

int32_t log_q31_to_q7(uint32_t x, uint32_t offset) {
    if (x == 0) {
        return ((int32_t)offset - 1488522235) >> 19;
    }
    const uint32_t zeros = leading_zeros(x), normal = x << zeros >> 1;
    const uint32_t *near = logs + ((normal >> 24) - 64);
    const uint32_t rise = (near[1] - near[0]) * (normal << 8 >> 16) >> 16;
    const int32_t log =
        (int32_t)(near[0] + rise + CHORD) + (((int32_t)offset - (int32_t)zeros * LN_2) >> 6);
    if ((uint32_t)((log + MARGIN) & 8191) > 2 * MARGIN) {
        return log >> 13;
    }
    return ((int32_t)offset + by_squaring(normal, zeros)) >> 19;
}
