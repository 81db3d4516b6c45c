/* Sums of products and their rescaling, two output channels at a time.
 *
 * One MULS computes two products. For a pair of values X = (x0 << 16) + x1 and a pair of weights
 * W = (w1 << 16) + w0, the upper half of X * W is w0 x0 + w1 x1, and the lower half, w0 x1, fits
 * into 16 bits with sign. ASRS by 16 leaves the sign of the lower half in the carry flag, and ADCS
 * adds it. So MULS, ASRS, ADCS add both products to the sum. Both halves fit unless a pair of
 * weights is -128, -128.
 *
 * A straight line in fixed point turns a sum into int8. It crosses each of the up to 255 steps
 * between the same two sums as TFLite's two roundings; the compiler checks every step
 * (host/otolith/compile/cores/m0plus/requantize.py). For a sum s, counted from the last sum whose
 * output is the lowest, and limited to 0..most, the output is the lowest 8 bits of (s * coarse +
 * ((s >> NARROW) * fine >> FINE) + start) >> 24
 *
 * The stream of constants has for each pair of channels: two start sums, which include bias and the
 * input's offset; pairs of weights, of one channel and the other in turn; then most, coarse, fine,
 * start of one channel and of the other. If SIGNED, `zero` and `less` follow each: for sums below
 * `zero` (these are negative, and their halves round down) the line starts `less` lower.
 *
 * SIGNED is 1 or 0. With 2 more the line is wide: what s >> NARROW leaves of s has a product, too,
 * and the output is the lowest 8 bits of
 * (s * coarse + ((s >> NARROW) * fine + ((s mod 2^NARROW) * fine >> NARROW) >> FINE) + start) >> 24
 */
#ifndef OTOLITH_NN_M0PLUS_DOT_H
#define OTOLITH_NN_M0PLUS_DOT_H

#include <stdint.h>

/* A run of outputs. The call changes it. */
typedef struct {
    const int32_t *x;            /* pairs of the first output */
    const int32_t *stream, *end; /* constants */
    int8_t *out;
    uint32_t row_skip;   /* bytes from the end of a row's pairs to the next row's */
    uint32_t pixels;     /* outputs, at least 1 */
    uint32_t pixel_step; /* bytes between the pairs of two outputs */
    uint32_t span;     /* bytes from an output's first row to the end of its last, skip included */
    uint32_t out_skip; /* bytes from the end of an output's channels to the next output's */
} nn_m0_run_t;
typedef void (*nn_m0_dot_t)(nn_m0_run_t *run);

/* NN_M0_DOT(name, WORDS, ROWS, LOOP, SKIP, NARROW, FINE, SIGNED, ODD) defines a function for one
 * shape: WORDS pairs a row; ROWS rows without a loop, and LOOP 1 or 2 (the longer jump) to repeat
 * them until the span is done; SKIP 1 if there is more than one row; ODD 1 if the last pair of
 * channels is one channel. */
#if defined(__ARM_ARCH_6M__)
#define NN_M0_DOT(name, WORDS, ROWS, LOOP, SKIP, NARROW, FINE, SIGNED, ODD)                        \
    __attribute__((naked)) static void name(__attribute__((unused)) nn_m0_run_t *run) {            \
        __asm volatile(".syntax unified\n.set nn_words, " #WORDS "\n.set nn_rows, " #ROWS          \
                       "\n.set nn_loop, " #LOOP "\n.set nn_skip, " #SKIP                           \
                       "\n.set nn_narrow, " #NARROW "\n.set nn_fine, " #FINE                       \
                       "\n.set nn_signed, " #SIGNED "\n.set nn_odd, " #ODD "\n" NN_M0_DOT_BODY);   \
    }

/* Adds the products of the pair of values in `x` with the weights of both channels. */
#define NN_M0_PRODUCTS(x)                                                                          \
    "ldmia r1!, {r6, r7}\n"                                                                        \
    "muls r6, " x "\n"                                                                             \
    "asrs r6, r6, #16\n"                                                                           \
    "adcs r2, r6\n"                                                                                \
    "muls r7, " x "\n"                                                                             \
    "asrs r7, r7, #16\n"                                                                           \
    "adcs r3, r7\n"

/* Turns the sum in `s` into the output, in its lowest byte. */
#define NN_M0_REQUANTIZE(s)                                                                        \
    "ldmia r1!, {r4-r7}\n"                                                                         \
    "asrs r0, " s ", #31\n"                                                                        \
    "bics " s ", r0\n"                                                                             \
    "cmp " s ", r4\n"                                                                              \
    "bls 2f\n"                                                                                     \
    "mov " s ", r4\n"                                                                              \
    "2:\n"                                                                                         \
    "muls r5, " s "\n"                                                                             \
    ".if nn_signed & 2\n"                                                                          \
    "lsls r0, " s ", #32 - nn_narrow\n"                                                            \
    "lsrs r0, r0, #32 - nn_narrow\n"                                                               \
    "muls r0, r6\n"                                                                                \
    "lsrs r0, r0, #nn_narrow\n"                                                                    \
    "lsrs r4, " s ", #nn_narrow\n"                                                                 \
    "muls r6, r4\n"                                                                                \
    "adds r6, r0\n"                                                                                \
    ".elseif nn_narrow\n"                                                                          \
    "lsrs r4, " s ", #nn_narrow\n"                                                                 \
    "muls r6, r4\n"                                                                                \
    ".else\n"                                                                                      \
    "muls r6, " s "\n"                                                                             \
    ".endif\n"                                                                                     \
    "lsrs r6, r6, #nn_fine\n"                                                                      \
    "adds r5, r6\n"                                                                                \
    "adds r5, r7\n"                                                                                \
    ".if nn_signed & 1\n"                                                                          \
    "ldmia r1!, {r6, r7}\n"                                                                        \
    "cmp " s ", r6\n"                                                                              \
    "bge 3f\n"                                                                                     \
    "subs r5, r7\n"                                                                                \
    "3:\n"                                                                                         \
    ".endif\n"                                                                                     \
    "lsrs " s ", r5, #24\n"

/* r0 pairs, r1 stream, r2 r3 sums; r8 pairs of the output, r9 end of the stream, r10 out,
 * r11 outputs left, r12 skip, lr end of the pairs */
#define NN_M0_DOT_BODY                                                                             \
    "push {r4-r7, lr}\n"                                                                           \
    "mov r4, r8\n"                                                                                 \
    "mov r5, r9\n"                                                                                 \
    "mov r6, r10\n"                                                                                \
    "mov r7, r11\n"                                                                                \
    "push {r0, r4-r7}\n"                                                                           \
    "ldmia r0!, {r1-r7}\n"                                                                         \
    "mov r8, r1\n"                                                                                 \
    "mov r9, r3\n"                                                                                 \
    "mov r10, r4\n"                                                                                \
    "mov r12, r5\n"                                                                                \
    "mov r11, r6\n"                                                                                \
    "4:\n"                                                                                         \
    "ldr r0, [sp]\n"                                                                               \
    "ldr r1, [r0, #4]\n"                                                                           \
    ".if nn_loop\n"                                                                                \
    "ldr r2, [r0, #28]\n"                                                                          \
    "add r2, r8\n"                                                                                 \
    "mov lr, r2\n"                                                                                 \
    ".endif\n"                                                                                     \
    "1:\n"                                                                                         \
    "mov r0, r8\n"                                                                                 \
    "ldmia r1!, {r2, r3}\n"                                                                        \
    "3:\n"                                                                                         \
    ".set nn_left, nn_rows\n"                                                                      \
    ".rept nn_rows\n"                                                                              \
    ".rept nn_words / 2\n"                                                                         \
    "ldmia r0!, {r4, r5}\n" NN_M0_PRODUCTS("r4")                                                   \
        NN_M0_PRODUCTS("r5") ".endr\n"                                                             \
                             ".if nn_words & 1\n"                                                  \
                             "ldmia r0!, {r4}\n" NN_M0_PRODUCTS(                                   \
                                 "r4") ".endif\n"                                                  \
                                       ".set nn_left, nn_left - 1\n"                               \
                                       ".if nn_skip && (nn_loop || nn_left)\n"                     \
                                       "add r0, r12\n"                                             \
                                       ".endif\n"                                                  \
                                       ".endr\n"                                                   \
                                       ".if nn_loop\n"                                             \
                                       "cmp r0, lr\n"                                              \
                                       ".if nn_loop == 1\n"                                        \
                                       "bne 3b\n"                                                  \
                                       ".else\n"                                                   \
                                       "beq 2f\n"                                                  \
                                       "b 3b\n"                                                    \
                                       "2:\n"                                                      \
                                       ".endif\n"                                                  \
                                       ".endif\n" NN_M0_REQUANTIZE("r2")                           \
                                           NN_M0_REQUANTIZE("r3") "mov r0, r10\n"                  \
                                                                  "strb r2, [r0]\n"                \
                                                                  "adds r0, #1\n"                  \
                                                                  ".if nn_odd\n"                   \
                                                                  "cmp r1, r9\n"                   \
                                                                  "beq 5f\n"                       \
                                                                  ".endif\n"                       \
                                                                  "strb r3, [r0]\n"                \
                                                                  "adds r0, #1\n"                  \
                                                                  "5:\n"                           \
                                                                  "mov r10, r0\n"                  \
                                                                  "cmp r1, r9\n"                   \
                                                                  "beq 6f\n"                       \
                                                                  "b 1b\n"                         \
                                                                  "6:\n"                           \
                                                                  "ldr r0, [sp]\n"                 \
                                                                  "ldr r1, [r0, #24]\n"            \
                                                                  "add r8, r1\n"                   \
                                                                  "ldr r1, [r0, #32]\n"            \
                                                                  "add r10, r1\n"                  \
                                                                  "mov r1, r11\n"                  \
                                                                  "subs r1, #1\n"                  \
                                                                  "mov r11, r1\n"                  \
                                                                  "beq 7f\n"                       \
                                                                  "b 4b\n"                         \
                                                                  "7:\n"                           \
                                                                  "pop {r0, r4-r7}\n"              \
                                                                  "mov r8, r4\n"                   \
                                                                  "mov r9, r5\n"                   \
                                                                  "mov r10, r6\n"                  \
                                                                  "mov r11, r7\n"                  \
                                                                  "pop {r4-r7, pc}\n"
#else
#define NN_M0_DOT(name, WORDS, ROWS, LOOP, SKIP, NARROW, FINE, SIGNED, ODD)                        \
    static void name(nn_m0_run_t *run) {                                                           \
        nn_m0_dot(run, WORDS, ROWS, LOOP, SKIP, NARROW, FINE, SIGNED, ODD);                        \
    }
void nn_m0_dot(nn_m0_run_t *run, uint32_t words, uint32_t rows, uint32_t loop, uint32_t skip,
               uint32_t narrow, uint32_t fine, uint32_t is_signed, uint32_t odd);
#endif

#endif
