#include "four.h"

#include "line.h"
#include "requantize.h"

#if NN_DSP_INSTRUCTIONS

/* In assembly, because it needs all fourteen registers. A pair of taps takes 9 instructions for
 * four outputs beside the loop. Registers: sums r4-r7, place r0, words r1, apart r8, thrice r9,
 * pairs left r11. The stack: next, end, pairs, job, at, to, groups. */
#define NEXT "0"
#define WORDS_END "4"
#define PAIRS "8"
#define JOB "12"
#define AT "16"
#define TO "20"
#define GROUPS "24"

/* nn_dsp_requantize() */
#define REQUANTIZE(sum)                                                                            \
    "    add r10, r2, " sum ", asr #31\n"                                                          \
    "    smmlar " sum ", " sum ", r1, r10\n"                                                       \
    "    asr " sum ", " sum ", r3\n"                                                               \
    "    ssat " sum ", #8, " sum "\n"

#define REQUANTIZE_ALL                                                                             \
    "    ldr r1, [r12, #28]\n" /* multiplier, round, shift */                                      \
    "    ldr r2, [r12, #32]\n"                                                                     \
    "    ldr r3, [r12, #36]\n" REQUANTIZE("r4") REQUANTIZE("r5") REQUANTIZE("r6") REQUANTIZE("r7")

#define STRAIGHT_ALL                                                                               \
    "    ldr r1, [r12, #28]\n" NN_DSP_LINE_OF("r4", "r1") NN_DSP_LINE_OF("r5", "r1")               \
        NN_DSP_LINE_OF("r6", "r1") NN_DSP_LINE_OF("r7", "r1") NN_DSP_LINE_TO_INT8("r4")            \
            NN_DSP_LINE_TO_INT8("r5") NN_DSP_LINE_TO_INT8("r6") NN_DSP_LINE_TO_INT8("r7")

/* finish: turns all sums into int8, with the job at r12 */
#define FOURS(name, finish)                                                                        \
    __asm(NN_DSP_FUNCTION(name) "    push {r4-r11, lr}\n"                                          \
                                "    push {r0-r3}\n"                                               \
                                "    ldr r4, [r0, #8]\n"  /* next */                               \
                                "    ldr r5, [r0, #4]\n"  /* end */                                \
                                "    ldr r6, [r0, #12]\n" /* pairs */                              \
                                "    ldr r8, [r0, #16]\n" /* apart */                              \
                                "    ldr r9, [r0, #20]\n" /* thrice */                             \
                                "    push {r4-r6}\n"                                               \
                                "0:\n"                                                             \
                                "    ldr r3, [sp, #" JOB "]\n"                                     \
                                "    ldr r0, [sp, #" AT "]\n"                                      \
                                "    ldr r11, [sp, #" PAIRS "]\n"                                  \
                                "    ldr r1, [r3]\n"      /* words */                              \
                                "    ldr r4, [r3, #24]\n" /* bias */                               \
                                "    mov r5, r4\n"                                                 \
                                "    mov r6, r4\n"                                                 \
                                "    mov r7, r4\n"                                                 \
                                "    .balign 4\n"                                                  \
                                "1:\n"                                                             \
                                "    ldr r3, [r1], #4\n"                                           \
                                "    ldr r2, [r0, r8]\n"                                           \
                                "    ldr r10, [r0, r8, lsl #1]\n"                                  \
                                "    ldr r12, [r0, r9]\n"                                          \
                                "    ldr lr, [r0], #4\n"                                           \
                                "    smlad r5, r2, r3, r5\n"                                       \
                                "    smlad r6, r10, r3, r6\n"                                      \
                                "    smlad r7, r12, r3, r7\n"                                      \
                                "    smlad r4, lr, r3, r4\n"                                       \
                                "    subs r11, r11, #1\n"                                          \
                                "    bne 1b\n"                                                     \
                                "    ldr r2, [sp, #" NEXT "]\n"                                    \
                                "    ldr r3, [sp, #" WORDS_END "]\n"                               \
                                "    ldr r11, [sp, #" PAIRS "]\n"                                  \
                                "    add r0, r0, r2\n"                                             \
                                "    cmp r1, r3\n"                                                 \
                                "    bne 1b\n"                                                     \
                                "    ldr r12, [sp, #" JOB "]\n" finish                             \
                                "    ldr r3, [r12, #40]\n" /* limited */                           \
                                "    ldr r1, [r12, #52]\n" /* step */                              \
                                "    ldr r0, [sp, #" TO "]\n"                                      \
                                "    ldr lr, [sp, #" AT "]\n"                                      \
                                "    ldr r11, [sp, #" GROUPS "]\n"                                 \
                                "    cbz r3, 3f\n"                                                 \
                                "    bfi r4, r5, #8, #8\n"                                         \
                                "    bfi r4, r6, #16, #8\n"                                        \
                                "    bfi r4, r7, #24, #8\n"                                        \
                                "    ldrd r2, r3, [r12, #44]\n" /* low, high */                    \
                                "    ssub8 r10, r4, r2\n"                                          \
                                "    sel r4, r4, r2\n"                                             \
                                "    ssub8 r10, r3, r4\n"                                          \
                                "    sel r4, r4, r3\n"                                             \
                                "    lsr r5, r4, #8\n"                                             \
                                "    lsr r6, r4, #16\n"                                            \
                                "    lsr r7, r4, #24\n"                                            \
                                "3:\n"                                                             \
                                "    add r2, r1, r1, lsl #1\n"                                     \
                                "    add lr, lr, r8, lsl #2\n"                                     \
                                "    strb r4, [r0]\n"                                              \
                                "    strb r5, [r0, r1]\n"                                          \
                                "    strb r6, [r0, r1, lsl #1]\n"                                  \
                                "    strb r7, [r0, r2]\n"                                          \
                                "    add r0, r0, r1, lsl #2\n"                                     \
                                "    subs r11, r11, #1\n"                                          \
                                "    str lr, [sp, #" AT "]\n"                                      \
                                "    str r0, [sp, #" TO "]\n"                                      \
                                "    str r11, [sp, #" GROUPS "]\n"                                 \
                                "    bne 0b\n"                                                     \
                                "    add sp, sp, #28\n"                                            \
                                "    pop {r4-r11, pc}\n"                                           \
                                "    .size " name ", . - " name "\n"                               \
                                "    .popsection\n")

FOURS("nn_dsp_fours", REQUANTIZE_ALL);
FOURS("nn_dsp_fours_straight", STRAIGHT_ALL);

#else

static inline void fours(const nn_dsp_four_t *job, const int16_t *at, int8_t *to, int32_t groups,
                         int straight) {
    const nn_dsp_channel_t c = {job->bias, job->multiplier, job->round, job->shift};
    const int8_t low = (int8_t)(uint8_t)job->low, high = (int8_t)(uint8_t)job->high;
    for (int32_t i = 0; i < 4 * groups; i++, at += job->apart / 2, to += job->step) {
        const int16_t *line = at;
        int32_t sum = job->bias;
        for (const uint32_t *w = job->words; w < job->end; line += job->next / 2) {
            for (int32_t k = 0; k < job->pairs; k++, line += 2) {
                sum = nn_smlad(nn_halves(line[0], line[1]), *w++, sum);
            }
        }
        const int32_t x = straight ? nn_dsp_line(sum, c.multiplier) : nn_dsp_requantize(sum, &c);
        *to = (int8_t)(!job->limited ? x : x < low ? low : x > high ? high : x);
    }
}

void nn_dsp_fours(const nn_dsp_four_t *job, const int16_t *at, int8_t *to, int32_t groups) {
    fours(job, at, to, groups, 0);
}

void nn_dsp_fours_straight(const nn_dsp_four_t *job, const int16_t *at, int8_t *to,
                           int32_t groups) {
    fours(job, at, to, groups, 1);
}

#endif
