/* Two Q15 numbers in a word, real part low, imaginary part high: what an FFT moves about.
 *
 * With the DSP extension the halves go through its SIMD instructions. Without, a word is read as
 * im * 65536 + re: sums and differences of words are then those of both parts in one instruction,
 * whatever the signs. Only for shifts the low half must not be negative: there a power of two is
 * added to it before ("raised"). Both give the same numbers: floor at each shift. */
#ifndef OTOLITH_PAIR_H
#define OTOLITH_PAIR_H

#include <stdint.h>

/* also what lies in memory as two int16_t, aligned to 4 */
typedef uint32_t __attribute__((may_alias)) pair_t;

/* Of a pair as it lies in memory: samples, coefficients. */
static inline int32_t pair_low(pair_t x) {
    return (int16_t)x;
}

static inline int32_t pair_high(pair_t x) {
    return (int32_t)x >> 16;
}

#ifdef __ARM_FEATURE_DSP
#include <arm_acle.h>

static inline pair_t pair_of(int32_t re, int32_t im) {
    return (uint32_t)im << 16 | (uint16_t)re;
}

static inline int32_t pair_re(pair_t x) {
    return (int16_t)x;
}

static inline int32_t pair_im(pair_t x) {
    return (int32_t)x >> 16;
}

static inline pair_t pair_add(pair_t a, pair_t b) {
    return (pair_t)__sadd16((int16x2_t)a, (int16x2_t)b);
}

static inline pair_t pair_sub(pair_t a, pair_t b) {
    return (pair_t)__ssub16((int16x2_t)a, (int16x2_t)b);
}

static inline pair_t pair_half(pair_t x) {
    return (pair_t)__shadd16((int16x2_t)x, 0);
}

/* a - i b, a + i b */
static inline pair_t pair_sub_i(pair_t a, pair_t b) {
    return (pair_t)__ssax((int16x2_t)a, (int16x2_t)b);
}

static inline pair_t pair_add_i(pair_t a, pair_t b) {
    return (pair_t)__sasx((int16x2_t)a, (int16x2_t)b);
}

/* The upper halves of two words. */
static inline pair_t pair_upper(int32_t re, int32_t im) {
    pair_t x;
    __asm("pkhtb %0, %1, %2, asr #16" : "=r"(x) : "r"(im), "r"(re));
    return x;
}

/* x times the conjugate of a Q15 twiddle, halved */
static inline pair_t pair_turned(pair_t x, pair_t twiddle) {
    return pair_upper(__smuad((int16x2_t)x, (int16x2_t)twiddle),
                      __smusdx((int16x2_t)twiddle, (int16x2_t)x));
}

#else

/* Of a word that is a sum: where re is negative, its upper bits are one less than im. */
static inline int32_t pair_re(pair_t x) {
    return (int16_t)x;
}

static inline int32_t pair_im(pair_t x) {
    return (int32_t)(x + 0x8000u) >> 16;
}

#endif

#endif
