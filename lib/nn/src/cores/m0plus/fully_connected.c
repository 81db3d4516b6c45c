/* FULLY_CONNECTED: four outputs at a time, so that an input is loaded once for all of them. */
#include "../../nn_arith.h"
#include "m0plus_kernels.h"

enum { TOGETHER = 4 };

/* sums[j] += x[i] * w[i][j], for an even number of inputs. */
#if defined(__ARM_ARCH_6M__)
static __attribute__((naked, noinline)) void products(__attribute__((unused)) const int8_t *x,
                                                      __attribute__((unused)) const int8_t *w,
                                                      __attribute__((unused)) uint32_t count,
                                                      __attribute__((unused)) int32_t *sums) {
    /* r0, r7 even and odd inputs, r1 weights, r2 -count; r3 input, r4 r6 weights, r5 product;
     * r8-r11 sums */
    __asm volatile(".syntax unified\n"
                   "push {r3-r7, lr}\n"
                   "mov r4, r8\n"
                   "mov r5, r9\n"
                   "mov r6, r10\n"
                   "mov r7, r11\n"
                   "push {r4-r7}\n"
                   "ldmia r3!, {r4-r7}\n"
                   "mov r8, r4\n"
                   "mov r9, r5\n"
                   "mov r10, r6\n"
                   "mov r11, r7\n"
                   "adds r0, r2\n"
                   "adds r7, r0, #1\n"
                   "rsbs r2, r2, #0\n"
                   "1:\n"
                   ".macro nn_four word\n"
                   "sxtb r5, \\word\n"
                   "muls r5, r3\n"
                   "add r8, r5\n"
                   "lsls r5, \\word, #16\n"
                   "asrs r5, r5, #24\n"
                   "muls r5, r3\n"
                   "add r9, r5\n"
                   "lsls r5, \\word, #8\n"
                   "asrs r5, r5, #24\n"
                   "muls r5, r3\n"
                   "add r10, r5\n"
                   "asrs \\word, \\word, #24\n"
                   "muls \\word, r3\n"
                   "add r11, \\word\n"
                   ".endm\n"
                   "ldmia r1!, {r4, r6}\n"
                   "ldrsb r3, [r0, r2]\n"
                   "nn_four r4\n"
                   "ldrsb r3, [r7, r2]\n"
                   "nn_four r6\n"
                   ".purgem nn_four\n"
                   "adds r2, #2\n"
                   "bne 1b\n"
                   "ldr r0, [sp, #16]\n"
                   "mov r4, r8\n"
                   "mov r5, r9\n"
                   "mov r6, r10\n"
                   "mov r7, r11\n"
                   "stmia r0!, {r4-r7}\n"
                   "pop {r4-r7}\n"
                   "mov r8, r4\n"
                   "mov r9, r5\n"
                   "mov r10, r6\n"
                   "mov r11, r7\n"
                   "pop {r3-r7, pc}\n");
}
#else
static void products(const int8_t *x, const int8_t *w, uint32_t count, int32_t *sums) {
    for (; count; count--, x++) {
        for (uint32_t j = 0; j < TOGETHER; j++) {
            sums[j] += *x * *w++;
        }
    }
}
#endif

void nn_m0_fully_connected(const nn_m0_fully_connected_t *p, const int8_t *in, int8_t *out) {
    const uint32_t even = p->inputs & ~1u;
    for (uint32_t n = 0; n < p->batches; n++, in += p->inputs) {
        const int8_t *weights = p->weights;
        for (uint32_t o = 0; o < p->outputs; o += TOGETHER) {
            int32_t sums[TOGETHER] = {0};
            if (even) {
                products(in, weights, even, sums);
                weights += TOGETHER * even;
            }
            for (uint32_t i = 0; i < TOGETHER && even != p->inputs; i++) {
                sums[i] += in[even] * *weights++;
            }
            const uint32_t left = p->outputs - o, count = left < TOGETHER ? left : TOGETHER;
            for (uint32_t i = 0; i < count; i++) {
                const uint32_t c = p->out.per_channel ? o + i : 0;
                const int32_t value = nn_rescale(nn_add_wrapping(sums[i], p->bias[o + i]),
                                                 p->out.multiplier[c], p->out.shift[c]);
                *out++ =
                    nn_clamp(nn_add_wrapping(value, p->out.zero_point), p->out.low, p->out.high);
            }
        }
    }
}
