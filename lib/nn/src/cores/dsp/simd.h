/* The instructions of the DSP extension (Armv7E-M, Armv8-M Mainline) that the kernels use. On other
 * processors C does the same, so that tests can run the kernels. */
#ifndef OTOLITH_NN_DSP_SIMD_H
#define OTOLITH_NN_DSP_SIMD_H

#include <stdint.h>
#include <string.h>

#if defined(__ARM_FEATURE_DSP) && defined(__thumb__)
#define NN_DSP_INSTRUCTIONS 1
#include <arm_acle.h>

/* What begins a function in assembly, in a section of its own. `.popsection` ends it. */
#define NN_DSP_FUNCTION(name)                                                                      \
    "    .syntax unified\n"                                                                        \
    "    .thumb\n"                                                                                 \
    "    .pushsection .text." name ", \"ax\", %progbits\n"                                         \
    "    .global " name "\n"                                                                       \
    "    .type " name ", %function\n"                                                              \
    "    .balign 4\n"                                                                              \
    "" name ":\n"
#else
#define NN_DSP_INSTRUCTIONS 0
#endif

static inline int32_t nn_low_half(uint32_t x) {
    return (int16_t)(uint16_t)x;
}

static inline int32_t nn_high_half(uint32_t x) {
    return (int16_t)(uint16_t)(x >> 16);
}

/* Packs four bytes, each modulo 2^8. */
static inline uint32_t nn_bytes(int32_t b0, int32_t b1, int32_t b2, int32_t b3) {
    return (uint32_t)(uint8_t)b0 | (uint32_t)(uint8_t)b1 << 8 | (uint32_t)(uint8_t)b2 << 16 |
           (uint32_t)b3 << 24;
}

static inline int8_t nn_byte(uint32_t x, uint32_t n) {
    return (int8_t)(uint8_t)(x >> 8 * n);
}

static inline uint32_t nn_four_times(int8_t x) {
    return (uint8_t)x * 0x01010101u;
}

static inline uint32_t nn_halves(int32_t low, int32_t high) {
#if NN_DSP_INSTRUCTIONS
    if (!__builtin_constant_p(low + high)) {
        uint32_t result;
        __asm("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(low), "r"(high));
        return result;
    }
#endif
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
}

/* Loads four bytes from any address. */
static inline uint32_t nn_load4(const int8_t *at) {
    uint32_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

/* Bytes 0 and 2, sign-extended to halves. */
static inline uint32_t nn_sxtb16(uint32_t x) {
#if NN_DSP_INSTRUCTIONS
    return (uint32_t)__sxtb16(x);
#else
    return nn_halves((int8_t)(uint8_t)x, (int8_t)(uint8_t)(x >> 16));
#endif
}

/* Bytes 1 and 3, sign-extended to halves. */
static inline uint32_t nn_sxtb16_odd(uint32_t x) {
#if NN_DSP_INSTRUCTIONS
    uint32_t result;
    __asm("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(x));
    return result;
#else
    return nn_sxtb16(x >> 8);
#endif
}

/* Two additions, each modulo 2^16. */
static inline uint32_t nn_add_halves(uint32_t a, uint32_t b) {
#if NN_DSP_INSTRUCTIONS
    return (uint32_t)__sadd16((int16x2_t)a, (int16x2_t)b);
#else
    return nn_halves((int32_t)(a + b), (int32_t)((a >> 16) + (b >> 16)));
#endif
}

/* The larger of each of four signed bytes. */
static inline uint32_t nn_larger4(uint32_t a, uint32_t b) {
#if NN_DSP_INSTRUCTIONS
    uint32_t result;
    __asm("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b));
    return result;
#else
    uint32_t result = 0;
    for (uint32_t i = 0; i < 32; i += 8) {
        const int8_t x = (int8_t)(uint8_t)(a >> i), y = (int8_t)(uint8_t)(b >> i);
        result |= (uint32_t)(uint8_t)(x > y ? x : y) << i;
    }
    return result;
#endif
}

/* sum + low a * low b + high a * high b. Must not overflow. */
static inline int32_t nn_smlad(uint32_t a, uint32_t b, int32_t sum) {
#if NN_DSP_INSTRUCTIONS
    return __smlad((int16x2_t)a, (int16x2_t)b, sum);
#else
    return sum + nn_low_half(a) * nn_low_half(b) + nn_high_half(a) * nn_high_half(b);
#endif
}

/* sum + round(a * b / 2^32), ties up. */
static inline int32_t nn_smmlar(int32_t a, int32_t b, int32_t sum) {
#if NN_DSP_INSTRUCTIONS
    int32_t result;
    __asm("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
#else
    return sum + (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
#endif
}

static inline int32_t nn_saturate8(int32_t x) {
#if NN_DSP_INSTRUCTIONS
    return __ssat(x, 8);
#else
    return x < -128 ? -128 : x > 127 ? 127 : x;
#endif
}

#endif
