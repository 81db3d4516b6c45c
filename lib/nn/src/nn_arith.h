/* Fixed-point arithmetic of TensorFlow Lite's reference kernels, with their double rounding.
 *
 * It needs 32 bits only: the Cortex-M0+ multiplies 32x32 -> 32 bits, so a 64-bit product is made of
 * four 16-bit products. Every function is exact. */
#ifndef OTOLITH_NN_ARITH_H
#define OTOLITH_NN_ARITH_H

#include <stdint.h>

/* (a * b + 2^30) >> 31: TFLite's SaturatingRoundingDoublingHighMul for b >= 0. */
static inline int32_t nn_high_multiply(int32_t a, int32_t b) {
#if defined(__ARM_ARCH_6M__) || defined(NN_NARROW_MULTIPLY) /* the second is for tests */
    const int32_t ah = a >> 16, bh = b >> 16;
    const uint32_t al = (uint32_t)a & 0xffffu, bl = (uint32_t)b & 0xffffu;
    const uint32_t low = al * bl;
    const int32_t middle = ah * (int32_t)bl + (int32_t)(low >> 16);
    const int32_t other = (int32_t)(al * (uint32_t)bh) + (middle & 0xffff);
    const int32_t high = ah * bh + (middle >> 16) + (other >> 16);
    /* bits 30 and 31 of the product, with the rounding bit added */
    const uint32_t tail = (((uint32_t)other & 0xffffu) >> 14) + 1u;
    return (int32_t)(((uint32_t)high << 1) + (tail >> 1));
#else
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
#endif
}

/* x / 2^exponent for exponent 0..31, rounded half away from zero. */
static inline int32_t nn_round_shift(int32_t x, uint32_t exponent) {
    const int32_t mask = (int32_t)((1u << exponent) - 1u);
    const int32_t rest = x & mask;
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + (rest > threshold ? 1 : 0);
}

/* x * multiplier * 2^(shift - 31) for shift -31..30 and multiplier >= 0: TFLite's
 * MultiplyByQuantizedMultiplier. */
static inline int32_t nn_rescale(int32_t x, int32_t multiplier, int32_t shift) {
    if (shift > 0) {
        return nn_high_multiply((int32_t)((uint32_t)x << shift), multiplier);
    }
    return nn_round_shift(nn_high_multiply(x, multiplier), (uint32_t)-shift);
}

/* a + b modulo 2^32. With damaged scales or biases a sum may not fit. */
static inline int32_t nn_add_wrapping(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int8_t nn_clamp(int32_t x, int32_t low, int32_t high) {
    return (int8_t)(x < low ? low : x > high ? high : x);
}

#endif
