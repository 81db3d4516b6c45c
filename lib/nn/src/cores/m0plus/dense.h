/* Sums of products of a fully connected layer, two outputs at a time, with four weights a word.
 *
 * As in dot.h one MULS computes two products. A word of the stream has the weights of a pair of
 * values for both outputs: bytes 0 and 2 are the first output's, bytes 1 and 3 the second's, each
 * plus 128. Masked and less 0x00800080, two bytes are a pair of weights of dot.h.
 *
 * The stream of each pair of outputs begins with two start sums. A word for each pair of values
 * follows, then the lines of both outputs, as in dot.h. The number of words is a multiple of 4. */
#ifndef OTOLITH_NN_M0PLUS_DENSE_H
#define OTOLITH_NN_M0PLUS_DENSE_H

#include <stdint.h>

#include "dot.h"

/* A run of outputs. */
typedef struct {
    const int32_t *x, *x_end;    /* pairs of values */
    const int32_t *stream, *end; /* constants */
    int8_t *out;
    uint32_t odd; /* 1 if the last pair of outputs is one output */
} nn_m0_dense_run_t;
typedef void (*nn_m0_dense_function_t)(const nn_m0_dense_run_t *run);

/* NN_M0_DENSE(name, NARROW, FINE, SIGNED) defines a function for lines of that kind. */
#if defined(__ARM_ARCH_6M__)
#define NN_M0_DENSE(name, NARROW, FINE, SIGNED)                                                    \
    __attribute__((naked)) static void name(__attribute__((unused))                                \
                                            const nn_m0_dense_run_t *run) {                        \
        __asm volatile(".syntax unified\n.set nn_narrow, " #NARROW "\n.set nn_fine, " #FINE        \
                       "\n.set nn_signed, " #SIGNED "\n" NN_M0_DENSE_BODY);                        \
    }

/* r0 values, r1 stream, r2 r3 sums, r4 a pair of values, r5 mask, r6 four weights; r8 -0x00800080,
 * r9 end of the values, r10 out, r11 end of the stream, r12 first value, lr mask */
#define NN_M0_DENSE_BODY                                                                           \
    "push {r4-r7, lr}\n"                                                                           \
    "mov r4, r8\n"                                                                                 \
    "mov r5, r9\n"                                                                                 \
    "mov r6, r10\n"                                                                                \
    "mov r7, r11\n"                                                                                \
    "push {r0, r4-r7}\n"                                                                           \
    "ldmia r0!, {r1-r5}\n"                                                                         \
    "mov r12, r1\n"                                                                                \
    "mov r9, r2\n"                                                                                 \
    "mov r11, r4\n"                                                                                \
    "mov r10, r5\n"                                                                                \
    "mov r1, r3\n"                                                                                 \
    "movs r5, #255\n"                                                                              \
    "lsls r4, r5, #16\n"                                                                           \
    "orrs r5, r4\n"                                                                                \
    "mov lr, r5\n"                                                                                 \
    "movs r4, #128\n"                                                                              \
    "lsls r6, r4, #16\n"                                                                           \
    "orrs r4, r6\n"                                                                                \
    "rsbs r4, r4, #0\n"                                                                            \
    "mov r8, r4\n"                                                                                 \
    "1:\n"                                                                                         \
    "mov r0, r12\n"                                                                                \
    "mov r5, lr\n"                                                                                 \
    "ldmia r1!, {r2, r3}\n"                                                                        \
    "4:\n"                                                                                         \
    ".rept 4\n"                                                                                    \
    "ldmia r0!, {r4}\n"                                                                            \
    "ldmia r1!, {r6}\n"                                                                            \
    "movs r7, r6\n"                                                                                \
    "ands r7, r5\n"                                                                                \
    "add r7, r8\n"                                                                                 \
    "muls r7, r4\n"                                                                                \
    "asrs r7, r7, #16\n"                                                                           \
    "adcs r2, r7\n"                                                                                \
    "lsrs r6, r6, #8\n"                                                                            \
    "ands r6, r5\n"                                                                                \
    "add r6, r8\n"                                                                                 \
    "muls r6, r4\n"                                                                                \
    "asrs r6, r6, #16\n"                                                                           \
    "adcs r3, r6\n"                                                                                \
    ".endr\n"                                                                                      \
    "cmp r0, r9\n"                                                                                 \
    "bne 4b\n" NN_M0_REQUANTIZE("r2") NN_M0_REQUANTIZE("r3") "mov r0, r10\n"                       \
                                                             "strb r2, [r0]\n"                     \
                                                             "adds r0, #1\n"                       \
                                                             "mov r10, r0\n"                       \
                                                             "cmp r1, r11\n"                       \
                                                             "beq 5f\n"                            \
                                                             "strb r3, [r0]\n"                     \
                                                             "adds r0, #1\n"                       \
                                                             "mov r10, r0\n"                       \
                                                             "b 1b\n"                              \
                                                             "5:\n"                                \
                                                             "ldr r1, [sp]\n"                      \
                                                             "ldr r1, [r1, #20]\n"                 \
                                                             "cmp r1, #0\n"                        \
                                                             "bne 6f\n"                            \
                                                             "strb r3, [r0]\n"                     \
                                                             "6:\n"                                \
                                                             "pop {r0, r4-r7}\n"                   \
                                                             "mov r8, r4\n"                        \
                                                             "mov r9, r5\n"                        \
                                                             "mov r10, r6\n"                       \
                                                             "mov r11, r7\n"                       \
                                                             "pop {r4-r7, pc}\n"
#else
#define NN_M0_DENSE(name, NARROW, FINE, SIGNED)                                                    \
    static void name(const nn_m0_dense_run_t *run) {                                               \
        nn_m0_dense_sums(run, NARROW, FINE, SIGNED);                                               \
    }
void nn_m0_dense_sums(const nn_m0_dense_run_t *run, uint32_t narrow, uint32_t fine,
                      uint32_t is_signed);
#endif

#endif
