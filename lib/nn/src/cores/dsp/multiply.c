#include "multiply.h"

#include "patch.h"
#include "requantize.h"

#if NN_DSP_INSTRUCTIONS

/* In assembly, because it needs all fourteen registers. Sums of channels a and b in two pixels:
 *   r8 a0   r9 a1   r10 b0   r11 b1
 * A block of both pixels is in r4-r7, the address of the weights in r1. The stack holds a copy of
 * the job. */
#define PATCH "0"
#define FOURS "4"
#define ALL "8"
#define WEIGHTS "12"
#define CHANNELS "16"
#define OUT "20"
#define LEFT "28"
#define LIMITED "32"
#define LIMITS "36"
#define JOB "44"

#define BEGIN(name)                                                                                \
    NN_DSP_FUNCTION(name)                                                                          \
    "    push {r4-r11, lr}\n"                                                                      \
    "    ldm r0, {r1-r11}\n"                                                                       \
    "    push {r1-r11}\n"                                                                          \
    "    mov r1, r4\n"                                                                             \
    "0:\n" /* a pair of channels */                                                                \
    "    ldr r3, [sp, #" CHANNELS "]\n"                                                            \
    "    ldr r8, [r3]\n"                                                                           \
    "    ldr r10, [r3, #16]\n"                                                                     \
    "    mov r9, r8\n"                                                                             \
    "    mov r11, r10\n"

/* nn_dsp_requantize() of one channel in two pixels. r12: its nn_dsp_channel_t + offset */
#define REQUANTIZE(offset, s0, s1)                                                                 \
    "    ldrd r2, r3, [r12, #" offset " + 4]\n"                                                    \
    "    ldr r4, [r12, #" offset " + 12]\n"                                                        \
    "    add r5, r3, " s0 ", asr #31\n"                                                            \
    "    add r3, r3, " s1 ", asr #31\n"                                                            \
    "    smmlar " s0 ", " s0 ", r2, r5\n"                                                          \
    "    smmlar " s1 ", " s1 ", r2, r3\n"                                                          \
    "    asr " s0 ", " s0 ", r4\n"                                                                 \
    "    asr " s1 ", " s1 ", r4\n"                                                                 \
    "    ssat " s0 ", #8, " s0 "\n"                                                                \
    "    ssat " s1 ", #8, " s1 "\n"

#define DOT(block)                                                                                 \
    "    ldrd r0, r2, [sp, #" PATCH "]\n"                                                          \
    "    cmp r0, r2\n"                                                                             \
    "    beq 2f\n"                                                                                 \
    "1:\n" block block block block "    ldr r2, [sp, #" FOURS "]\n"                                \
    "    cmp r0, r2\n"                                                                             \
    "    bne 1b\n"                                                                                 \
    "2:\n"                                                                                         \
    "    ldr r2, [sp, #" ALL "]\n"                                                                 \
    "    cmp r0, r2\n"                                                                             \
    "    beq 4f\n"                                                                                 \
    "3:\n" block "    ldr r2, [sp, #" ALL "]\n"                                                    \
    "    cmp r0, r2\n"                                                                             \
    "    bne 3b\n"                                                                                 \
    "4:\n"

#define END(name)                                                                                  \
    "    ldr r12, [sp, #" CHANNELS "]\n" REQUANTIZE("0", "r8", "r9")                               \
        REQUANTIZE("16", "r10", "r11") "    add r12, r12, #32\n"                                   \
                                       "    str r12, [sp, #" CHANNELS "]\n"                        \
                                       "    bfi r8, r10, #8, #8\n"                                 \
                                       "    bfi r9, r11, #8, #8\n"                                 \
                                       "    ldr r4, [sp, #" LIMITED "]\n"                          \
                                       "    cbz r4, 5f\n"                                          \
                                       "    pkhbt r8, r8, r9, lsl #16\n"                           \
                                       "    ldrd r4, r5, [sp, #" LIMITS "]\n"                      \
                                       "    ssub8 r6, r8, r4\n"                                    \
                                       "    sel r8, r8, r4\n"                                      \
                                       "    ssub8 r6, r5, r8\n"                                    \
                                       "    sel r8, r8, r5\n"                                      \
                                       "    lsr r9, r8, #16\n"                                     \
                                       "5:\n"                                                      \
                                       "    ldrd r2, r3, [sp, #" OUT "]\n"                         \
                                       "    ldr r4, [sp, #" LEFT "]\n"                             \
                                       "    subs r4, r4, #2\n"                                     \
                                       "    str r4, [sp, #" LEFT "]\n"                             \
                                       "    blt 6f\n"                                              \
                                       "    strh r9, [r3], #2\n"                                   \
                                       "    strh r8, [r2], #2\n"                                   \
                                       "    strd r2, r3, [sp, #" OUT "]\n"                         \
                                       "    bne 0b\n"                                              \
                                       "    b 7f\n"                                                \
                                       "6:\n" /* an odd last channel: there is no b */             \
                                       "    strb r9, [r3]\n"                                       \
                                       "    strb r8, [r2]\n"                                       \
                                       "7:\n"                                                      \
                                       "    add sp, sp, #" JOB "\n"                                \
                                       "    pop {r4-r11, pc}\n"                                    \
                                       "    .size " name ", . - " name "\n"                        \
                                       "    .popsection\n"

/* 16 products in 10 instructions */
#define BLOCK16                                                                                    \
    "    ldm r0!, {r4-r7}\n"                                                                       \
    "    ldm r1!, {r2, r3, r12, lr}\n"                                                             \
    "    smlad r8, r4, r2, r8\n"                                                                   \
    "    smlad r9, r6, r2, r9\n"                                                                   \
    "    smlad r10, r4, r12, r10\n"                                                                \
    "    smlad r11, r6, r12, r11\n"                                                                \
    "    smlad r8, r5, r3, r8\n"                                                                   \
    "    smlad r9, r7, r3, r9\n"                                                                   \
    "    smlad r10, r5, lr, r10\n"                                                                 \
    "    smlad r11, r7, lr, r11\n"

__asm(BEGIN("nn_dsp_multiply16") DOT(BLOCK16) END("nn_dsp_multiply16"));

/* 16 products in 14 instructions */
#define BLOCK8                                                                                     \
    "    ldm r0!, {r4-r7}\n"                                                                       \
    "    ldrd r2, r12, [r1], #8\n"                                                                 \
    "    sxtb16 r3, r2\n"                                                                          \
    "    sxtb16 r2, r2, ror #8\n"                                                                  \
    "    smlad r8, r4, r3, r8\n"                                                                   \
    "    smlad r9, r6, r3, r9\n"                                                                   \
    "    smlad r8, r5, r2, r8\n"                                                                   \
    "    smlad r9, r7, r2, r9\n"                                                                   \
    "    sxtb16 r3, r12\n"                                                                         \
    "    sxtb16 r2, r12, ror #8\n"                                                                 \
    "    smlad r10, r4, r3, r10\n"                                                                 \
    "    smlad r11, r6, r3, r11\n"                                                                 \
    "    smlad r10, r5, r2, r10\n"                                                                 \
    "    smlad r11, r7, r2, r11\n"

__asm(BEGIN("nn_dsp_multiply8")
          DOT(BLOCK8) "    lsl r8, r8, #1\n" /* these weights are not doubled */
                      "    lsl r9, r9, #1\n"
                      "    lsl r10, r10, #1\n"
                      "    lsl r11, r11, #1\n" END("nn_dsp_multiply8"));

#else

static int8_t finish(const nn_dsp_multiply_t *job, const nn_dsp_channel_t *c, int32_t twice) {
    const int32_t x = nn_dsp_requantize(twice, c);
    const int8_t low = (int8_t)(uint8_t)job->low, high = (int8_t)(uint8_t)job->high;
    return (int8_t)(!job->limited ? x : x < low ? low : x > high ? high : x);
}

static int32_t block(int32_t sum, const uint32_t *x, const uint32_t *w) {
    return nn_smlad(x[1], w[1], nn_smlad(x[0], w[0], sum));
}

/* wide: whether the weights have 16 bits */
static void multiply(const nn_dsp_multiply_t *job, int wide) {
    const nn_dsp_channel_t *c = job->channels;
    const uint32_t *words = job->weights;
    const int8_t *bytes = job->weights;
    for (int32_t i = 0; i < job->count; i += 2, c += 2) {
        int32_t a0 = c[0].bias, a1 = a0, b0 = c[1].bias, b1 = b0;
        const uint32_t *x = job->patch;
        for (; x < job->end; x += 2 * NN_DSP_PIXEL) {
            uint32_t w[4];
            if (wide) {
                memcpy(w, words, sizeof w);
                words += 4;
            } else {
                nn_dsp_widen4(w, nn_load4(bytes));
                nn_dsp_widen4(w + 2, nn_load4(bytes + 4));
                bytes += 8;
            }
            a0 = block(a0, x, w);
            a1 = block(a1, x + NN_DSP_PIXEL, w);
            b0 = block(b0, x, w + 2);
            b1 = block(b1, x + NN_DSP_PIXEL, w + 2);
        }
        const int32_t scale = wide ? 1 : 2;
        job->out1[i] = finish(job, c, scale * a1);
        job->out0[i] = finish(job, c, scale * a0);
        if (i + 1 < job->count) {
            job->out1[i + 1] = finish(job, c + 1, scale * b1);
            job->out0[i + 1] = finish(job, c + 1, scale * b0);
        }
    }
}

void nn_dsp_multiply16(const nn_dsp_multiply_t *job) {
    multiply(job, 1);
}

void nn_dsp_multiply8(const nn_dsp_multiply_t *job) {
    multiply(job, 0);
}

#endif
