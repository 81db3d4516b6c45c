#include "dense.h"

#include "line.h"
#include "requantize.h"

#if NN_DSP_INSTRUCTIONS

/* In assembly, because it needs all fourteen registers. Sums in r4-r7, inputs at r0 up to r2, the
 * weights at r1. The stack holds a copy of the job. Loads are side by side, because then only the
 * first one takes two cycles on an M4. */
#define IN "0"
#define INPUT_END "4"
#define CHANNELS "12"
#define OUT "16"
#define GROUPS "20"
#define HAS_REST "24"
#define REST "28"
#define LIMITED "32"
#define LOW "36"
#define HIGH "40"
#define JOB "44"

#define PRODUCTS                                                                                   \
    "    smlad r4, r8, r10, r4\n"                                                                  \
    "    smlad r5, r8, r11, r5\n"                                                                  \
    "    smlad r6, r8, r12, r6\n"                                                                  \
    "    smlad r7, r8, lr, r7\n"

/* 16 products in 18 instructions beside the load of four inputs into r3. */
#define BLOCK                                                                                      \
    "    ldr r10, [r1, #4]\n"                                                                      \
    "    ldr r11, [r1, #12]\n"                                                                     \
    "    ldr r12, [r1, #20]\n"                                                                     \
    "    ldr lr, [r1, #28]\n"                                                                      \
    "    sxtb16 r8, r3, ror #8\n" PRODUCTS "    ldr r11, [r1, #8]\n"                               \
    "    ldr r12, [r1, #16]\n"                                                                     \
    "    ldr lr, [r1, #24]\n"                                                                      \
    "    ldr r10, [r1], #32\n"                                                                     \
    "    sxtb16 r8, r3\n" PRODUCTS

/* START: loads the sums' starts by r3. FINISH: turns the sums into int8, with the channels at r3,
 * and moves r3 on. */
#define DENSE(name, START, FINISH)                                                                 \
    __asm(NN_DSP_FUNCTION(name) "    push {r4-r11, lr}\n"                                          \
                                "    ldm r0, {r1-r11}\n"                                           \
                                "    push {r1-r11}\n"                                              \
                                "    mov r1, r3\n"                                                 \
                                "0:\n" /* a group of outputs */                                    \
                                "    ldr r3, [sp, #" CHANNELS "]\n"                                \
                                "    ldr r0, [sp, #" IN "]\n"                                      \
                                "    ldr r2, [sp, #" INPUT_END "]\n" START "    cmp r0, r2\n"      \
                                "    beq 3f\n"                                                     \
                                "    sub r3, r2, r0\n"                                             \
                                "    lsls r3, r3, #29\n"                                           \
                                "    bmi 2f\n" /* an odd number of blocks */                       \
                                "    .balign 4\n"                                                  \
                                "1:\n"                                                             \
                                "    ldr r3, [r0], #4\n" BLOCK "2:\n"                              \
                                "    ldr r3, [r0], #4\n" BLOCK "    cmp r0, r2\n"                  \
                                "    bne 1b\n"                                                     \
                                "3:\n"                                                             \
                                "    ldr r2, [sp, #" HAS_REST "]\n"                                \
                                "    ldr r3, [sp, #" REST "]\n"                                    \
                                "    cmp r2, #0\n"                                                 \
                                "    beq 4f\n" BLOCK "4:\n"                                        \
                                "    ldr r3, [sp, #" CHANNELS "]\n" FINISH                         \
                                "    ldr r2, [sp, #" LIMITED "]\n"                                 \
                                "    ldr r0, [sp, #" OUT "]\n"                                     \
                                "    ldr r8, [sp, #" GROUPS "]\n"                                  \
                                "    str r3, [sp, #" CHANNELS "]\n"                                \
                                "    bfi r4, r5, #8, #8\n"                                         \
                                "    bfi r6, r7, #8, #8\n"                                         \
                                "    pkhbt r4, r4, r6, lsl #16\n"                                  \
                                "    cbz r2, 5f\n"                                                 \
                                "    ldr r2, [sp, #" LOW "]\n"                                     \
                                "    ldr r3, [sp, #" HIGH "]\n"                                    \
                                "    ssub8 r5, r4, r2\n"                                           \
                                "    sel r4, r4, r2\n"                                             \
                                "    ssub8 r5, r3, r4\n"                                           \
                                "    sel r4, r4, r3\n"                                             \
                                "5:\n"                                                             \
                                "    str r4, [r0], #4\n"                                           \
                                "    subs r8, r8, #1\n"                                            \
                                "    str r0, [sp, #" OUT "]\n"                                     \
                                "    str r8, [sp, #" GROUPS "]\n"                                  \
                                "    bne 0b\n"                                                     \
                                "    add sp, sp, #" JOB "\n"                                       \
                                "    pop {r4-r11, pc}\n"                                           \
                                "    .size " name ", . - " name "\n"                               \
                                "    .popsection\n")

/* nn_dsp_requantize() of two channels at r3 + offset */
#define REQUANTIZE_2(offset, s0, s1)                                                               \
    "    ldr r8, [r3, #" offset " + 4]\n"                                                          \
    "    ldr r9, [r3, #" offset " + 8]\n"                                                          \
    "    ldr r10, [r3, #" offset " + 12]\n"                                                        \
    "    ldr r11, [r3, #" offset " + 20]\n"                                                        \
    "    ldr r12, [r3, #" offset " + 24]\n"                                                        \
    "    ldr lr, [r3, #" offset " + 28]\n"                                                         \
    "    add r9, r9, " s0 ", asr #31\n"                                                            \
    "    add r12, r12, " s1 ", asr #31\n"                                                          \
    "    smmlar " s0 ", " s0 ", r8, r9\n"                                                          \
    "    smmlar " s1 ", " s1 ", r11, r12\n"                                                        \
    "    asr " s0 ", " s0 ", r10\n"                                                                \
    "    asr " s1 ", " s1 ", lr\n"                                                                 \
    "    ssat " s0 ", #8, " s0 "\n"                                                                \
    "    ssat " s1 ", #8, " s1 "\n"

DENSE("nn_dsp_dense",
      "    ldr r4, [r3]\n"
      "    ldr r5, [r3, #16]\n"
      "    ldr r6, [r3, #32]\n"
      "    ldr r7, [r3, #48]\n",
      REQUANTIZE_2("0", "r4", "r5") REQUANTIZE_2("32", "r6", "r7") "    adds r3, #64\n");

DENSE("nn_dsp_dense_line",
      "    ldr r4, [r3]\n"
      "    ldr r5, [r3, #8]\n"
      "    ldr r6, [r3, #16]\n"
      "    ldr r7, [r3, #24]\n",
      "    ldr r8, [r3, #4]\n"
      "    ldr r9, [r3, #12]\n"
      "    ldr r10, [r3, #20]\n"
      "    ldr r11, [r3, #28]\n"
      "    adds r3, #32\n" NN_DSP_LINE_OF("r4", "r8") NN_DSP_LINE_OF("r5", "r9")
          NN_DSP_LINE_OF("r6", "r10") NN_DSP_LINE_OF("r7", "r11") NN_DSP_LINE_TO_INT8("r4")
              NN_DSP_LINE_TO_INT8("r5") NN_DSP_LINE_TO_INT8("r6") NN_DSP_LINE_TO_INT8("r7"));

#else

enum { GROUP = 4 };

static int32_t sum_of(const nn_dsp_dense_t *job, const uint32_t *w, int32_t sum) {
    for (const int8_t *at = job->in; at < job->end; at += 4, w += 2 * GROUP) {
        const uint32_t four = nn_load4(at);
        sum = nn_smlad(nn_sxtb16(four), w[0], nn_smlad(nn_sxtb16_odd(four), w[1], sum));
    }
    if (job->has_rest) {
        sum = nn_smlad(nn_sxtb16(job->rest), w[0], nn_smlad(nn_sxtb16_odd(job->rest), w[1], sum));
    }
    return sum;
}

static void dense(const nn_dsp_dense_t *job, int straight) {
    const int8_t low = (int8_t)(uint8_t)job->low, high = (int8_t)(uint8_t)job->high;
    const int32_t blocks = (int32_t)(job->end - job->in) / 4 + (job->has_rest ? 1 : 0);
    for (uint32_t i = 0; i < GROUP * job->groups; i++) {
        const uint32_t *w =
            job->weights + (i / GROUP) * GROUP * 2 * (uint32_t)blocks + i % GROUP * 2;
        int32_t x;
        if (straight) {
            const nn_dsp_slope_t *c = (const nn_dsp_slope_t *)job->channels + i;
            x = nn_dsp_line(sum_of(job, w, c->start), c->slope);
        } else {
            const nn_dsp_channel_t *c = (const nn_dsp_channel_t *)job->channels + i;
            x = nn_dsp_requantize(sum_of(job, w, c->bias), c);
        }
        job->out[i] = (int8_t)(!job->limited ? x : x < low ? low : x > high ? high : x);
    }
}

void nn_dsp_dense(const nn_dsp_dense_t *job) {
    dense(job, 0);
}

void nn_dsp_dense_line(const nn_dsp_dense_t *job) {
    dense(job, 1);
}

#endif
