/* SOFTMAX, int8 -> int8 with scale 1/256 (TFLite reference_ops::Softmax, gemmlowp fixed point). */
#include "../nn_arith.h"
#include "../nn_kernels.h"

/* SaturatingRoundingDoublingHighMul, for all operands except two of INT32_MIN. */
static int32_t multiply(int32_t a, int32_t b) {
    return b < 0 ? (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31) : nn_high_multiply(a, b);
}

static int32_t saturate_left(int32_t x, uint32_t bits) {
    const int32_t limit = INT32_MAX >> bits;
    return x > limit ? INT32_MAX : x < -limit - 1 ? INT32_MIN : (int32_t)((uint32_t)x << bits);
}

/* 1 / (1 + a) for a in [0, 1) as Q31: three Newton steps in Q29. */
static int32_t reciprocal_of_one_plus(int32_t a) {
    const int32_t half = (int32_t)(((uint32_t)a + 0x7fffffffu + 1u) >> 1);
    int32_t x = 1515870810 + multiply(half, -1010580540); /* 48/17 - 32/17 d */
    for (uint32_t i = 0; i < 3; i++) {
        const int32_t error = (1 << 29) - multiply(half, x);
        x += saturate_left(multiply(error, x), 2);
    }
    return saturate_left(x, 1);
}

static uint32_t leading_zeros(uint32_t x) {
    uint32_t count = 0;
    while (count < 32 && (x & 0x80000000u) == 0) {
        x <<= 1;
        count++;
    }
    return count;
}

static void softmax_row(const nn_softmax_t *p, const int8_t *in, int8_t *out) {
    int32_t most = -128;
    for (uint32_t i = 0; i < p->depth; i++) {
        most = in[i] > most ? in[i] : most;
    }
    uint32_t sum = 0; /* Q19 */
    for (uint32_t i = 0; i < p->depth; i++) {
        const int32_t distance = most - in[i];
        if (distance < p->distances) {
            sum += (uint32_t)nn_round_shift(p->exp[distance], 12);
        }
    }
    const uint32_t headroom = leading_zeros(sum);
    const int32_t scale = reciprocal_of_one_plus((int32_t)((sum << headroom) - 0x80000000u));
    const uint32_t exponent = 12 - headroom + 31 - 8;
    for (uint32_t i = 0; i < p->depth; i++) {
        const int32_t distance = most - in[i];
        int32_t value = 0;
        if (distance < p->distances) {
            value = nn_round_shift(nn_high_multiply(scale, p->exp[distance]), exponent);
        }
        out[i] = nn_clamp(value - 128, -128, 127);
    }
}

void nn_softmax(const nn_softmax_t *p, const int8_t *in, int8_t *out) {
    for (uint32_t r = 0; r < p->rows; r++) {
        softmax_row(p, in + r * p->depth, out + r * p->depth);
    }
}
