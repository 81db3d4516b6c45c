/* arm_cmplx_mag_q15's square root by one table look-up and one multiplication.
 *
 * The definition is three Newton steps in 64-bit arithmetic. Its result differs from
 * floor(sqrt(x / 2)) only near squares, where it is computed (tests/unit/test_rfft.py compares
 * all x). */
#include "magnitude.h"

#include "root.h"

/* round(2^28 / sqrt((8 + i) / 32)) */
static const int32_t inverse_roots[24] = {
    536870912, 506166750, 480191942, 457845052, 438353264, 421156193, 405836263, 392075079,
    379625062, 368290407, 357913941, 348367849, 339546978, 331363921, 323745341, 316629190,
    309962566, 303700050, 297802400, 292235509, 286969573, 281978417, 277238947, 272730696};

enum {
    EXACT_BELOW = 8192, /* roots up to here err only at their own square, by one */
    ABOVE_SQUARE = 8,   /* and the others this far from one */
    BELOW_SQUARE = 8,
};

/* A bit for each m up to 255: whether the definition's root of 2 m^2 is one too small. */
static const uint32_t low_roots[8] = {0xf9e2d8c8, 0xd56b5c8e, 0x1378c0d4, 0xd9b31c4d,
                                      0x5800d9b0, 0xa3af9d62, 0x0bf2b079, 0xf3e96d25};

/* The definition: Newton's iteration for 1 / sqrt(x), as arm_sqrt_q31 rounds it. 1 <= x < 2^31. */
static __attribute__((noinline)) uint32_t newton(uint32_t x) {
    uint32_t shift = 0;
    while (x < 0x20000000u) {
        x <<= 2;
        shift++;
    }
    const int32_t number = (int32_t)x;
    int32_t inverse = inverse_roots[(x >> 26) - 8];
    for (uint32_t step = 0; step < 3; step++) {
        int32_t t = (int32_t)(((int64_t)inverse * inverse) >> 28);
        t = 0x30000000 - (int32_t)(((int64_t)number * t) >> 31);
        inverse = (int32_t)(((int64_t)inverse * t) >> 29);
    }
    return (uint32_t)(int32_t)(((int64_t)number * inverse) >> 28) >> shift >> 16;
}

void magnitudes(const uint32_t *energy, int16_t *out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t x = energy[i];
        uint32_t rest = 0, root = x < 2 ? 0 : half_root(x, &rest);
        if (root < EXACT_BELOW) {
            if (rest == 0 && root > 0) {
                root = root < 256 ? root - (low_roots[root >> 5] >> (root & 31) & 1) : newton(x);
            }
        } else if (rest <= ABOVE_SQUARE || rest + BELOW_SQUARE >= 4 * root + 2) {
            root = newton(x);
        }
        out[i] = (int16_t)root;
    }
}
