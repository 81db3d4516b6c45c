#include "line.h"
#include "multiply.h"
#include "patch.h"

#if NN_DSP_INSTRUCTIONS

/* In assembly, because it needs all fourteen registers. Sums of channels a and b in four pixels: a
 * in r4-r7, b in r8-r11. The patch is at r0, the weights at r1. The stack holds a copy of the job.
 * Loads are single and side by side, because then only the first one takes two cycles on an M4. */
#define PATCH "0"
#define FOURS "4"
#define ALL "8"
#define CHANNELS "16"
#define OUT0 "20"
#define OUT1 "24"
#define LEFT "28"
#define LIMITED "32"
#define LOW "36"
#define HIGH "40"
#define OUT2 "44"
#define OUT3 "48"
#define JOB "52"

/* The weights in r2 and r3 by two pixels in r12 and lr. The sums: a0 and b0 of the first pixel, a1
 * and b1 of the second. */
#define TWO(a0, a1, b0, b1)                                                                        \
    "    smlad " a0 ", r12, r2, " a0 "\n"                                                          \
    "    smlad " b0 ", r12, r3, " b0 "\n"                                                          \
    "    smlad " a1 ", lr, r2, " a1 "\n"                                                           \
    "    smlad " b1 ", lr, r3, " b1 "\n"

/* 32 products in 28 instructions; 32 cycles on an M4. The last loads move the addresses on. */
#define BLOCK                                                                                      \
    "    ldr r2, [r1, #4]\n"                                                                       \
    "    ldr r3, [r1, #12]\n"                                                                      \
    "    ldr r12, [r0, #4]\n"                                                                      \
    "    ldr lr, [r0, #12]\n" TWO("r4", "r5", "r8",                                                \
                                  "r9") "    ldr r12, [r0, #20]\n"                                 \
                                        "    ldr lr, [r0, #28]\n" TWO(                             \
                                            "r6", "r7", "r10",                                     \
                                            "r11") "    ldr r3, [r1, #8]\n"                        \
                                                   "    ldr r2, [r1], #16\n"                       \
                                                   "    ldr r12, [r0, #16]\n"                      \
                                                   "    ldr lr, [r0, #24]\n" TWO(                  \
                                                       "r6", "r7", "r10",                          \
                                                       "r11") "    ldr lr, [r0, #8]\n"             \
                                                              "    ldr r12, [r0], #32\n"           \
                                                              "    smlad r5, lr, r2, r5\n"         \
                                                              "    smlad r9, lr, r3, r9\n"         \
                                                              "    smlad r4, r12, r2, r4\n"        \
                                                              "    smlad r8, r12, r3, r8\n"

/* clang-format off */
__asm("    .syntax unified\n"
      "    .thumb\n"
      "    .pushsection .text.nn_dsp_multiply_line, \"ax\", %progbits\n"
      "    .global nn_dsp_multiply_line\n"
      "    .type nn_dsp_multiply_line, %function\n"
      "    .balign 4\n"
      "nn_dsp_multiply_line:\n"
      "    push {r4-r11, lr}\n"
      "    ldm r0, {r1-r12, lr}\n"
      "    push {r1-r12, lr}\n"
      "    mov r1, r4\n"
      "0:\n" /* a pair of channels */
      "    ldr r3, [sp, #" CHANNELS "]\n"
      "    ldr r0, [sp, #" PATCH "]\n"
      "    ldr r2, [sp, #" FOURS "]\n"
      "    ldr r4, [r3]\n" /* starts */
      "    ldr r8, [r3, #8]\n"
      "    mov r5, r4\n"
      "    mov r6, r4\n"
      "    mov r7, r4\n"
      "    mov r9, r8\n"
      "    mov r10, r8\n"
      "    mov r11, r8\n"
      "    cmp r0, r2\n"
      "    beq 2f\n"
      "    .balign 4\n"
      "1:\n" BLOCK BLOCK BLOCK BLOCK
      "    ldr r2, [sp, #" FOURS "]\n"
      "    cmp r0, r2\n"
      "    bne 1b\n"
      "2:\n"
      "    ldr r2, [sp, #" ALL "]\n"
      "    ldr r3, [sp, #" CHANNELS "]\n"
      "    cmp r0, r2\n"
      "    beq 4f\n"
      "    .balign 4\n"
      "3:\n" BLOCK
      "    ldr r2, [sp, #" ALL "]\n"
      "    ldr r3, [sp, #" CHANNELS "]\n"
      "    cmp r0, r2\n"
      "    bne 3b\n"
      "4:\n"
      "    ldr r2, [r3, #4]\n" /* slopes */
      "    ldr r12, [r3, #12]\n"
      "    ldr lr, [sp, #" LIMITED "]\n"
      "    adds r3, #16\n"
      "    str r3, [sp, #" CHANNELS "]\n"
      NN_DSP_LINE_OF("r4", "r2")
      NN_DSP_LINE_OF("r5", "r2")
      NN_DSP_LINE_OF("r6", "r2")
      NN_DSP_LINE_OF("r7", "r2")
      NN_DSP_LINE_OF("r8", "r12")
      NN_DSP_LINE_OF("r9", "r12")
      NN_DSP_LINE_OF("r10", "r12")
      NN_DSP_LINE_OF("r11", "r12")
      NN_DSP_LINE_TO_INT8("r4")
      NN_DSP_LINE_TO_INT8("r5")
      NN_DSP_LINE_TO_INT8("r6")
      NN_DSP_LINE_TO_INT8("r7")
      NN_DSP_LINE_TO_INT8("r8")
      NN_DSP_LINE_TO_INT8("r9")
      NN_DSP_LINE_TO_INT8("r10")
      NN_DSP_LINE_TO_INT8("r11")
      "    bfi r4, r8, #8, #8\n"
      "    bfi r5, r9, #8, #8\n"
      "    bfi r6, r10, #8, #8\n"
      "    bfi r7, r11, #8, #8\n"
      "    cmp lr, #0\n"
      "    bne 8f\n"
      "5:\n"
      "    ldr r2, [sp, #" OUT0 "]\n"
      "    ldr r3, [sp, #" OUT1 "]\n"
      "    ldr r8, [sp, #" OUT2 "]\n"
      "    ldr r9, [sp, #" OUT3 "]\n"
      "    ldr r10, [sp, #" LEFT "]\n"
      "    subs r10, r10, #2\n"
      "    blt 6f\n"
      "    strh r7, [r9], #2\n"
      "    strh r6, [r8], #2\n"
      "    strh r5, [r3], #2\n"
      "    strh r4, [r2], #2\n"
      "    str r10, [sp, #" LEFT "]\n"
      "    str r9, [sp, #" OUT3 "]\n"
      "    str r8, [sp, #" OUT2 "]\n"
      "    str r3, [sp, #" OUT1 "]\n"
      "    str r2, [sp, #" OUT0 "]\n"
      "    bne 0b\n"
      "    b 7f\n"
      "6:\n" /* an odd last channel: there is no b */
      "    strb r7, [r9]\n"
      "    strb r6, [r8]\n"
      "    strb r5, [r3]\n"
      "    strb r4, [r2]\n"
      "7:\n"
      "    add sp, sp, #" JOB "\n"
      "    pop {r4-r11, pc}\n"
      "8:\n" /* limits */
      "    pkhbt r4, r4, r5, lsl #16\n"
      "    pkhbt r6, r6, r7, lsl #16\n"
      "    ldr r2, [sp, #" LOW "]\n"
      "    ldr r3, [sp, #" HIGH "]\n"
      "    ssub8 r12, r4, r2\n"
      "    sel r4, r4, r2\n"
      "    ssub8 r12, r3, r4\n"
      "    sel r4, r4, r3\n"
      "    ssub8 r12, r6, r2\n"
      "    sel r6, r6, r2\n"
      "    ssub8 r12, r3, r6\n"
      "    sel r6, r6, r3\n"
      "    lsr r5, r4, #16\n"
      "    lsr r7, r6, #16\n"
      "    b 5b\n"
      "    .size nn_dsp_multiply_line, . - nn_dsp_multiply_line\n"
      "    .popsection\n");
/* clang-format on */

#else

enum { PIXELS = 4 };

static int8_t finish(const nn_dsp_multiply_t *job, const nn_dsp_slope_t *c, int32_t sum) {
    const int32_t x = nn_dsp_line(sum, c->slope);
    const int8_t low = (int8_t)(uint8_t)job->low, high = (int8_t)(uint8_t)job->high;
    return (int8_t)(!job->limited ? x : x < low ? low : x > high ? high : x);
}

void nn_dsp_multiply_line(const nn_dsp_multiply_t *job) {
    const nn_dsp_slope_t *c = job->channels;
    const uint32_t *w = job->weights;
    int8_t *const to[PIXELS] = {job->out0, job->out1, job->out2, job->out3};
    for (int32_t i = 0; i < job->count; i++, c++) {
        for (int32_t pixel = PIXELS - 1; pixel >= 0; pixel--) {
            int32_t sum = c->start;
            const uint32_t *weights = w + i / 2 * (job->end - job->patch) / 2 + i % 2 * 2;
            const uint32_t *x = job->patch + pixel * NN_DSP_PIXEL;
            for (; x < job->end; x += PIXELS * NN_DSP_PIXEL, weights += 4) {
                sum = nn_smlad(x[1], weights[1], nn_smlad(x[0], weights[0], sum));
            }
            to[pixel][i] = finish(job, c, sum);
        }
    }
}

#endif
