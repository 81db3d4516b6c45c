#include "line_3x3.h"

#include "line.h"
#include "requantize.h"

#if NN_DSP_INSTRUCTIONS

/* Two outputs at a time. They need places 0 1 2 and 1 2 3 of each line, which are two words. In
 * assembly, because it needs all fourteen registers: job r0, lines r1-r3, weights r4-r9, two words
 * of a line r10, r11, sums r12, lr. */
#define MULTIPLIER "36"
#define ROUND "40"
#define OUT "44"
#define STEP "48"
#define END "52"
#define BIAS "56"
#define SHIFT "60"
#define ODD "64"
#define LIMITS "68"

#define TAPS(line, w01, w12)                                                                       \
    "    ldr r11, [" line ", #4]\n"                                                                \
    "    ldr r10, [" line "], #4\n"                                                                \
    "    smlatb r12, " w12 ", r11, r12\n"                                                          \
    "    smlad lr, " w12 ", r11, lr\n"                                                             \
    "    smlad r12, " w01 ", r10, r12\n"                                                           \
    "    smlabt lr, " w01 ", r10, lr\n"

#define LIMIT(sum)                                                                                 \
    "    cmp " sum ", r10\n"                                                                       \
    "    it lt\n"                                                                                  \
    "    movlt " sum ", r10\n"                                                                     \
    "    cmp " sum ", r11\n"                                                                       \
    "    it gt\n"                                                                                  \
    "    movgt " sum ", r11\n"

/* nn_dsp_requantize() */
#define REQUANTIZE                                                                                 \
    "    ldrd r10, r11, [r0, #" MULTIPLIER "]\n"                                                   \
    "    add r11, r11, r12, asr #31\n"                                                             \
    "    smmlar r12, r12, r10, r11\n"                                                              \
    "    ldr r11, [r0, #" ROUND "]\n"                                                              \
    "    add r11, r11, lr, asr #31\n"                                                              \
    "    smmlar lr, lr, r10, r11\n"                                                                \
    "    ldr r10, [r0, #" SHIFT "]\n"                                                              \
    "    asr r12, r12, r10\n"                                                                      \
    "    asr lr, lr, r10\n"                                                                        \
    "    ssat r12, #8, r12\n"                                                                      \
    "    ssat lr, #8, lr\n"

/* nn_dsp_line() */
#define STRAIGHT                                                                                   \
    "    ldr r10, [r0, #" MULTIPLIER "]\n" NN_DSP_LINE_OF("r12", "r10")                            \
        NN_DSP_LINE_OF("lr", "r10") NN_DSP_LINE_TO_INT8("r12") NN_DSP_LINE_TO_INT8("lr")

/* finish: turns both sums into int8 */
#define LINE(name, finish)                                                                         \
    __asm(NN_DSP_FUNCTION(name) "    push {r4-r11, lr}\n"                                          \
                                "    ldm r0, {r1-r9}\n"                                            \
                                "    b 2f\n"                                                       \
                                "    .balign 4\n"                                                  \
                                "1:\n" TAPS("r1", "r4", "r5") TAPS("r2", "r6", "r7")               \
                                    TAPS("r3", "r8", "r9") finish                                  \
          "    ldr r10, [r0, #" OUT "]\n"                                                          \
          "    ldr r11, [r0, #" STEP "]\n"                                                         \
          "    strb lr, [r10, r11]\n"                                                              \
          "    strb r12, [r10]\n"                                                                  \
          "    add r10, r10, r11, lsl #1\n"                                                        \
          "    str r10, [r0, #" OUT "]\n"                                                          \
          "2:\n"                                                                                   \
          "    ldr r10, [r0, #" END "]\n"                                                          \
          "    ldr r12, [r0, #" BIAS "]\n"                                                         \
          "    cmp r1, r10\n"                                                                      \
          "    mov lr, r12\n"                                                                      \
          "    bne 1b\n"                                                                           \
          "    ldr r11, [r0, #" ODD "]\n"                                                          \
          "    cmp r11, #0\n"                                                                      \
          "    beq 3f\n"                                                                           \
          "    add r10, r10, #4\n" /* both are written to one place */                             \
          "    mov r11, #0\n"                                                                      \
          "    str r10, [r0, #" END "]\n"                                                          \
          "    str r11, [r0, #" STEP "]\n"                                                         \
          "    str r11, [r0, #" ODD "]\n"                                                          \
          "    b 1b\n"                                                                             \
          "3:\n"                                                                                   \
          "    pop {r4-r11, pc}\n"                                                                 \
          "    .size " name ", . - " name "\n"                                                     \
          "    .popsection\n")

#define LIMITED "    ldrd r10, r11, [r0, #" LIMITS "]\n" LIMIT("r12") LIMIT("lr")
LINE("nn_dsp_line_3x3", REQUANTIZE);
LINE("nn_dsp_line_3x3_limited", REQUANTIZE LIMITED);
LINE("nn_dsp_line_3x3_straight", STRAIGHT);
LINE("nn_dsp_line_3x3_straight_limited", STRAIGHT LIMITED);

#else

static inline void convolve(nn_dsp_line_t *job, int straight) {
    const nn_dsp_channel_t c = {job->bias, job->multiplier, job->round, job->shift};
    const int32_t outputs = (int32_t)(job->end - job->line[0]) + (job->odd ? 1 : 0);
    for (int32_t i = 0; i < outputs; i++, job->out += job->step) {
        int32_t sum = c.bias;
        for (int32_t y = 0; y < 3; y++) {
            const int16_t *at = job->line[y] + i;
            const uint32_t w01 = job->weights[2 * y], w12 = job->weights[2 * y + 1];
            sum = nn_smlad(w01, nn_halves(at[0], at[1]), sum);
            sum += nn_high_half(w12) * at[2];
        }
        const int32_t x = straight ? nn_dsp_line(sum, c.multiplier) : nn_dsp_requantize(sum, &c);
        *job->out = (int8_t)(x < job->low ? job->low : x > job->high ? job->high : x);
    }
}

void nn_dsp_line_3x3(nn_dsp_line_t *job) {
    convolve(job, 0);
}

void nn_dsp_line_3x3_limited(nn_dsp_line_t *job) {
    convolve(job, 0);
}

void nn_dsp_line_3x3_straight(nn_dsp_line_t *job) {
    convolve(job, 1);
}

void nn_dsp_line_3x3_straight_limited(nn_dsp_line_t *job) {
    convolve(job, 1);
}

#endif
