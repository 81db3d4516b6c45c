/* A complex number in a word: two Q15 numbers, the real part in the low half, the imaginary part in
 * the high half.
 *
 * Cores with the DSP extension use its SIMD instructions. On others a word is read as im * 65536
 * + re: adding or subtracting words then adds or subtracts both parts in one instruction,
 * whatever their signs. Only before a shift must the low half not be negative, so a power of two
 * is added to it first ("raised"). Both ways give the same numbers: each shift rounds down. */
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

/* Parts of a word that is a sum: if re is negative, the upper bits are one less than im. */
static inline int32_t pair_re(pair_t x) {
    return (int16_t)x;
}

static inline int32_t pair_im(pair_t x) {
    return (int32_t)(x + 0x8000u) >> 16;
}

#endif

#endif
