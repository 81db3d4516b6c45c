#include "four.h"

#include "line.h"
#include "requantize.h"

#if NN_DSP_INSTRUCTIONS

/* In assembly, because it needs all fourteen registers. A pair of taps takes 11 instructions for
 * four outputs. Registers: sums r4-r7, place r0, words r1, line r12. Stack: down, job, to, step. */
#define REQUANTIZE(sum)                                                                            \
    "    add r8, r2, " sum ", asr #31\n"                                                           \
    "    smmlar " sum ", " sum ", r1, r8\n"                                                        \
    "    asr " sum ", " sum ", r3\n"                                                               \
    "    ssat " sum ", #8, " sum "\n"

#define REQUANTIZE_ALL                                                                             \
    "    ldr r1, [r0, #28]\n" /* multiplier, round, shift */                                       \
    "    ldr r2, [r0, #32]\n"                                                                      \
    "    ldr r3, [r0, #36]\n" REQUANTIZE("r4") REQUANTIZE("r5") REQUANTIZE("r6") REQUANTIZE("r7")

#define STRAIGHT_ALL                                                                               \
    "    ldr r1, [r0, #28]\n" NN_DSP_LINE_OF("r4", "r1") NN_DSP_LINE_OF("r5", "r1")                \
        NN_DSP_LINE_OF("r6", "r1") NN_DSP_LINE_OF("r7", "r1") NN_DSP_LINE_TO_INT8("r4")            \
            NN_DSP_LINE_TO_INT8("r5") NN_DSP_LINE_TO_INT8("r6") NN_DSP_LINE_TO_INT8("r7")

/* finish: turns all sums into int8 */
#define FOUR(name, finish)                                                                         \
    __asm("    .syntax unified\n"                                                                  \
          "    .thumb\n"                                                                           \
          "    .pushsection .text." name ", \"ax\", %progbits\n"                                   \
          "    .global " name "\n"                                                                 \
          "    .type " name ", %function\n"                                                        \
          "    .balign 4\n"                                                                        \
          "" name ":\n"                                                                            \
          "    push {r0, r2-r11, lr}\n"                                                            \
          "    mov r12, r1\n"                                                                      \
          "    ldm r0, {r1, r2, r4, r8, r9, r10, lr}\n"                                            \
          "    push {r2}\n"                                                                        \
          "    mov r5, r4\n"                                                                       \
          "    mov r6, r4\n"                                                                       \
          "    mov r7, r4\n"                                                                       \
          "1:\n"                                                                                   \
          "    mov r0, r12\n"                                                                      \
          "    mov r11, r10\n"                                                                     \
          "2:\n"                                                                                   \
          "    ldr r3, [r1], #4\n"                                                                 \
          "    ldr r2, [r0, r8]\n"                                                                 \
          "    smlad r5, r2, r3, r5\n"                                                             \
          "    ldr r2, [r0, r8, lsl #1]\n"                                                         \
          "    smlad r6, r2, r3, r6\n"                                                             \
          "    ldr r2, [r0, r9]\n"                                                                 \
          "    smlad r7, r2, r3, r7\n"                                                             \
          "    ldr r2, [r0], #4\n"                                                                 \
          "    smlad r4, r2, r3, r4\n"                                                             \
          "    subs r11, r11, #1\n"                                                                \
          "    bne 2b\n"                                                                           \
          "    ldr r2, [sp]\n"                                                                     \
          "    add r12, r12, r2\n"                                                                 \
          "    subs lr, lr, #1\n"                                                                  \
          "    bne 1b\n"                                                                           \
          "    ldr r0, [sp, #4]\n"                                                                 \
          "    ldr r9, [r0, #40]\n" /* limited */ finish "    cmp r9, #0\n"                        \
          "    beq 3f\n"                                                                           \
          "    bfi r4, r5, #8, #8\n"                                                               \
          "    bfi r4, r6, #16, #8\n"                                                              \
          "    bfi r4, r7, #24, #8\n"                                                              \
          "    ldrd r8, r9, [r0, #44]\n" /* low, high */                                           \
          "    ssub8 r10, r4, r8\n"                                                                \
          "    sel r4, r4, r8\n"                                                                   \
          "    ssub8 r10, r9, r4\n"                                                                \
          "    sel r4, r4, r9\n"                                                                   \
          "    lsr r5, r4, #8\n"                                                                   \
          "    lsr r6, r4, #16\n"                                                                  \
          "    lsr r7, r4, #24\n"                                                                  \
          "3:\n"                                                                                   \
          "    ldrd r0, r1, [sp, #8]\n"                                                            \
          "    strb r4, [r0]\n"                                                                    \
          "    strb r5, [r0, r1]\n"                                                                \
          "    strb r6, [r0, r1, lsl #1]\n"                                                        \
          "    add r0, r0, r1\n"                                                                   \
          "    strb r7, [r0, r1, lsl #1]\n"                                                        \
          "    add sp, sp, #16\n"                                                                  \
          "    pop {r4-r11, pc}\n"                                                                 \
          "    .size " name ", . - " name "\n"                                                     \
          "    .popsection\n")

FOUR("nn_dsp_four", REQUANTIZE_ALL);
FOUR("nn_dsp_four_straight", STRAIGHT_ALL);

#else

static inline void four(const nn_dsp_four_t *job, const int16_t *at, int8_t *to, int32_t step,
                        int straight) {
    const nn_dsp_channel_t c = {job->bias, job->multiplier, job->round, job->shift};
    const int8_t low = (int8_t)(uint8_t)job->low, high = (int8_t)(uint8_t)job->high;
    for (int32_t i = 0; i < 4; i++, at += job->apart / 2, to += step) {
        const int16_t *line = at;
        const uint32_t *w = job->words;
        int32_t sum = job->bias;
        for (int32_t y = 0; y < job->lines; y++, line += job->down / 2) {
            for (int32_t k = 0; k < job->pairs; k++) {
                sum = nn_smlad(nn_halves(line[2 * k], line[2 * k + 1]), *w++, sum);
            }
        }
        const int32_t x = straight ? nn_dsp_line(sum, c.multiplier) : nn_dsp_requantize(sum, &c);
        *to = (int8_t)(!job->limited ? x : x < low ? low : x > high ? high : x);
    }
}

void nn_dsp_four(const nn_dsp_four_t *job, const int16_t *at, int8_t *to, int32_t step) {
    four(job, at, to, step, 0);
}

void nn_dsp_four_straight(const nn_dsp_four_t *job, const int16_t *at, int8_t *to, int32_t step) {
    four(job, at, to, step, 1);
}

#endif
