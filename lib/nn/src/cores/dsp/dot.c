#include "dot.h"

#include "patch.h"

#if NN_DSP_INSTRUCTIONS

/* In assembly, as all fourteen registers are in use: four sums in r8-r11, a block of both pixels in
 * r4-r7, weights in r2, r3, r12, lr. */
#define BEGIN(name)                                                                                \
    "    .syntax unified\n"                                                                        \
    "    .thumb\n"                                                                                 \
    "    .section .text." #name ", \"ax\", %progbits\n"                                            \
    "    .global " #name "\n"                                                                      \
    "    .type " #name ", %function\n"                                                             \
    "    .balign 4\n" #name ":\n"                                                                  \
    "    push {r2-r11, lr}\n" /* r2 (count) at sp, r3 (sums) at sp + 4 */                          \
    "    ldm r3, {r8-r11}\n"

#define END(name)                                                                                  \
    "    ldr r3, [sp, #4]\n"                                                                       \
    "    stm r3, {r8-r11}\n"                                                                       \
    "    mov r0, r1\n"                                                                             \
    "    pop {r2-r11, pc}\n"                                                                       \
    "    .size " #name ", . - " #name "\n"

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

__asm(BEGIN(nn_dsp_dot16) "    b 2f\n"
                          "1:\n" BLOCK16 BLOCK16 BLOCK16 BLOCK16 "    ldr r2, [sp]\n"
                          "2:\n"
                          "    subs r2, #4\n"
                          "    str r2, [sp]\n"
                          "    bge 1b\n"
                          "    adds r2, #4\n"
                          "    beq 4f\n"
                          "    str r2, [sp]\n"
                          "3:\n" BLOCK16 "    ldr r2, [sp]\n"
                          "    subs r2, #1\n"
                          "    str r2, [sp]\n"
                          "    bne 3b\n"
                          "4:\n" END(nn_dsp_dot16));

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

__asm(BEGIN(nn_dsp_dot8) "    subs lr, r2, #4\n"
                         "    blt 2f\n"
                         "1:\n" BLOCK8 BLOCK8 BLOCK8 BLOCK8 "    subs lr, #4\n"
                         "    bge 1b\n"
                         "2:\n"
                         "    adds lr, #4\n"
                         "    beq 4f\n"
                         "3:\n" BLOCK8 "    subs lr, #1\n"
                         "    bne 3b\n"
                         "4:\n" END(nn_dsp_dot8));

#else

static void add_block(nn_dsp_sums_t *s, const uint32_t *x, const uint32_t *w) {
    s->a0 = nn_smlad(x[1], w[1], nn_smlad(x[0], w[0], s->a0));
    s->a1 = nn_smlad(x[3], w[1], nn_smlad(x[2], w[0], s->a1));
    s->b0 = nn_smlad(x[1], w[3], nn_smlad(x[0], w[2], s->b0));
    s->b1 = nn_smlad(x[3], w[3], nn_smlad(x[2], w[2], s->b1));
}

const int16_t *nn_dsp_dot16(const uint32_t *patch, const int16_t *weights, uint32_t blocks,
                            nn_dsp_sums_t *sums) {
    for (; blocks; blocks--, patch += NN_DSP_BLOCK, weights += 8) {
        uint32_t w[4];
        memcpy(w, weights, sizeof w);
        add_block(sums, patch, w);
    }
    return weights;
}

const int8_t *nn_dsp_dot8(const uint32_t *patch, const int8_t *weights, uint32_t blocks,
                          nn_dsp_sums_t *sums) {
    for (; blocks; blocks--, patch += NN_DSP_BLOCK, weights += 8) {
        uint32_t w[4];
        nn_dsp_widen4(w, nn_load4(weights));
        nn_dsp_widen4(w + 2, nn_load4(weights + 4));
        add_block(sums, patch, w);
    }
    return weights;
}

#endif
