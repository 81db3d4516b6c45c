/* DEPTHWISE_CONV_2D with one output a channel, as networks have it that hear one row at a time.
 *
 * The values of a channel are `pitch` bytes apart. Two of them make a pair, which one MULS
 * multiplies with a pair of weights (dot.h).
 *
 * Constants of a channel: the start sum; pairs of weights, (w1 << 16) + w0, and a last weight if
 * their number is odd; then its line as in dot.h. */
#ifndef OTOLITH_NN_M0PLUS_COLUMN_H
#define OTOLITH_NN_M0PLUS_COLUMN_H

#include <stdint.h>

#include "dot.h"

typedef struct {
    const int8_t *x;             /* first value of the first channel */
    const int32_t *stream, *end; /* constants */
    int8_t *out;
    uint32_t pitch;
} nn_m0_column_t;
typedef void (*nn_m0_column_function_t)(const nn_m0_column_t *run);

/* NN_M0_COLUMN(name, TAPS, NARROW, FINE, SIGNED) defines a function for kernels of TAPS values. */
#if defined(__ARM_ARCH_6M__)
#define NN_M0_COLUMN(name, TAPS, NARROW, FINE, SIGNED)                                             \
    __attribute__((naked)) static void name(__attribute__((unused)) const nn_m0_column_t *run) {   \
        __asm volatile(".syntax unified\n.set nn_taps, " #TAPS "\n.set nn_narrow, " #NARROW        \
                       "\n.set nn_fine, " #FINE "\n.set nn_signed, " #SIGNED                       \
                       "\n" NN_M0_COLUMN_BODY);                                                    \
    }

/* r0 values, r1 stream, r2 sum, r3 0, r5 pitch; r8 channel, r9 end, r10 out, r11 pitch,
 * r12 twice the pitch */
#define NN_M0_COLUMN_BODY                                                                          \
    "push {r4-r7, lr}\n"                                                                           \
    "mov r4, r8\n"                                                                                 \
    "mov r5, r9\n"                                                                                 \
    "mov r6, r10\n"                                                                                \
    "mov r7, r11\n"                                                                                \
    "push {r4-r7}\n"                                                                               \
    "ldmia r0!, {r1-r5}\n"                                                                         \
    "mov r8, r1\n"                                                                                 \
    "mov r9, r3\n"                                                                                 \
    "mov r10, r4\n"                                                                                \
    "mov r11, r5\n"                                                                                \
    "add r5, r5\n"                                                                                 \
    "mov r12, r5\n"                                                                                \
    "mov r1, r2\n"                                                                                 \
    "movs r3, #0\n"                                                                                \
    "1:\n"                                                                                         \
    "mov r0, r8\n"                                                                                 \
    "mov r5, r11\n"                                                                                \
    "ldmia r1!, {r2}\n"                                                                            \
    ".rept nn_taps / 2\n"                                                                          \
    "ldmia r1!, {r6}\n"                                                                            \
    "ldrsb r4, [r0, r3]\n"                                                                         \
    "ldrsb r7, [r0, r5]\n"                                                                         \
    "lsls r4, r4, #16\n"                                                                           \
    "adds r4, r4, r7\n"                                                                            \
    "muls r6, r4\n"                                                                                \
    "asrs r6, r6, #16\n"                                                                           \
    "adcs r2, r6\n"                                                                                \
    "add r0, r12\n"                                                                                \
    ".endr\n"                                                                                      \
    ".if nn_taps & 1\n"                                                                            \
    "ldmia r1!, {r6}\n"                                                                            \
    "ldrsb r4, [r0, r3]\n"                                                                         \
    "muls r6, r4\n"                                                                                \
    "adds r2, r2, r6\n"                                                                            \
    ".endif\n" NN_M0_REQUANTIZE("r2") "mov r0, r10\n"                                              \
                                      "strb r2, [r0]\n"                                            \
                                      "adds r0, #1\n"                                              \
                                      "mov r10, r0\n"                                              \
                                      "movs r0, #1\n"                                              \
                                      "add r8, r0\n"                                               \
                                      "cmp r1, r9\n"                                               \
                                      "beq 6f\n"                                                   \
                                      "b 1b\n"                                                     \
                                      "6:\n"                                                       \
                                      "pop {r4-r7}\n"                                              \
                                      "mov r8, r4\n"                                               \
                                      "mov r9, r5\n"                                               \
                                      "mov r10, r6\n"                                              \
                                      "mov r11, r7\n"                                              \
                                      "pop {r4-r7, pc}\n"
#else
#define NN_M0_COLUMN(name, TAPS, NARROW, FINE, SIGNED)                                             \
    static void name(const nn_m0_column_t *run) {                                                  \
        nn_m0_column(run, TAPS, NARROW, FINE, SIGNED);                                             \
    }
void nn_m0_column(const nn_m0_column_t *run, uint32_t taps, uint32_t narrow, uint32_t fine,
                  uint32_t is_signed);
#endif

#endif
