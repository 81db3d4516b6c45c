/* Convolution of one channel's plane, two outputs at a time.
 *
 * A word of the plane holds two input values with a fixed distance, (far << 16) + near. One MULS by
 * a weight computes the products of two outputs with the same distance. The packed products of two
 * taps are added and then split. The carry of ASRS rounds the upper half (dot.h); the lower half is
 * the sum of whole words minus the upper half. Both fit unless two taps are -128, -128.
 *
 * Constants of a channel: the start sum; the start sum times 65537; the weights, one word each;
 * most, coarse, fine, start (and zero, less) as in dot.h. */
#ifndef OTOLITH_NN_M0PLUS_PLANE_H
#define OTOLITH_NN_M0PLUS_PLANE_H

#include <stdint.h>

#include "dot.h"

/* A run of outputs. The call changes it. */
typedef struct {
    const int32_t *constants;
    const int32_t *x;  /* window of the first output */
    int8_t *out;       /* the first near output */
    uint32_t far;      /* bytes from a near output to the far one */
    uint32_t row_skip; /* bytes from the end of a row of taps to the start of the next */
    uint32_t out_column;
    uint32_t columns_bytes; /* bytes of the plane's values in a row of outputs */
    uint32_t rows;          /* rows of near outputs, at least 1 */
    uint32_t x_row, out_row;
} nn_m0_plane_t;
typedef void (*nn_m0_plane_function_t)(nn_m0_plane_t *run);

/* Packs `rows` rows of a plane and returns their end. near: first value. apart: bytes from a near
 * value to the far one. step: bytes to the next value of the row. skip: bytes from the end of a row
 * to the next. */
typedef int32_t *(*nn_m0_pack_function_t)(const int8_t *near, int32_t apart, int32_t step,
                                          int32_t *to, int32_t fill, int32_t skip, int32_t rows);

/* NN_M0_PLANE(name, ROWS, COLUMNS, STEP, NARROW, FINE, SIGNED) defines a function for a kernel of
 * ROWS x COLUMNS taps; STEP: bytes between the values of two outputs. */
#if defined(__ARM_ARCH_6M__)
#define NN_M0_PLANE(name, ROWS, COLUMNS, STEP, NARROW, FINE, SIGNED)                               \
    __attribute__((naked)) static void name(__attribute__((unused)) nn_m0_plane_t *run) {          \
        __asm volatile(".syntax unified\n.set nn_rows, " #ROWS "\n.set nn_columns, " #COLUMNS      \
                       "\n.set nn_step, " #STEP "\n.set nn_narrow, " #NARROW                       \
                       "\n.set nn_fine, " #FINE "\n.set nn_signed, " #SIGNED                       \
                       "\n" NN_M0_PLANE_BODY);                                                     \
    }

/* Splits the products in r6. */
#define NN_M0_SPLIT                                                                                \
    "adds r3, r6\n"                                                                                \
    "asrs r6, r6, #16\n"                                                                           \
    "adcs r2, r6\n"

/* Limits a sum to 0..r4. */
#define NN_M0_LIMIT(s)                                                                             \
    "asrs r0, " s ", #31\n"                                                                        \
    "bics " s ", r0\n"                                                                             \
    "cmp " s ", r4\n"                                                                              \
    "bls 2f\n"                                                                                     \
    "mov " s ", r4\n"                                                                              \
    "2:\n"

/* The sum in `s` times fine, added to `line`, times coarse; r4 is lost. */
#define NN_M0_LINE(s, line)                                                                        \
    "muls " line ", " s "\n"                                                                       \
    "lsrs r4, " s ", #nn_narrow\n"                                                                 \
    "muls r4, r6\n"                                                                                \
    "lsrs r4, r4, #nn_fine\n"                                                                      \
    "adds " line ", r4\n"                                                                          \
    "adds " line ", r7\n"

#define NN_M0_LESS(s, line)                                                                        \
    "cmp " s ", r6\n"                                                                              \
    "bge 3f\n"                                                                                     \
    "subs " line ", r7\n"                                                                          \
    "3:\n"

/* r0 plane, r1 constants, r2 r3 sums; r8 constants, r9 plane, r10 out, r11 far, r12 out_column,
 * lr row_skip; on the stack: run, end of the row */
#define NN_M0_PLANE_BODY                                                                           \
    "push {r4-r7, lr}\n"                                                                           \
    "mov r4, r8\n"                                                                                 \
    "mov r5, r9\n"                                                                                 \
    "mov r6, r10\n"                                                                                \
    "mov r7, r11\n"                                                                                \
    "push {r0, r1, r4-r7}\n"                                                                       \
    "ldmia r0!, {r1-r6}\n"                                                                         \
    "mov r8, r1\n"                                                                                 \
    "mov r11, r4\n"                                                                                \
    "mov lr, r5\n"                                                                                 \
    "mov r12, r6\n"                                                                                \
    "6:\n"                                                                                         \
    "ldr r0, [sp]\n"                                                                               \
    "ldr r2, [r0, #4]\n"                                                                           \
    "mov r9, r2\n"                                                                                 \
    "ldr r3, [r0, #8]\n"                                                                           \
    "mov r10, r3\n"                                                                                \
    "ldr r4, [r0, #24]\n"                                                                          \
    "adds r4, r2\n"                                                                                \
    "str r4, [sp, #4]\n"                                                                           \
    "ldr r4, [r0, #32]\n"                                                                          \
    "adds r2, r4\n"                                                                                \
    "str r2, [r0, #4]\n"                                                                           \
    "ldr r4, [r0, #36]\n"                                                                          \
    "adds r3, r4\n"                                                                                \
    "str r3, [r0, #8]\n"                                                                           \
    "mov r0, r9\n"                                                                                 \
    "1:\n"                                                                                         \
    "mov r1, r8\n"                                                                                 \
    "ldmia r1!, {r2, r3}\n"                                                                        \
    ".set nn_tap, 0\n"                                                                             \
    ".rept nn_rows * nn_columns / 2\n"                                                             \
    ".if (nn_tap + 1) % nn_columns\n"                                                              \
    "ldmia r0!, {r4, r5}\n"                                                                        \
    ".else\n"                                                                                      \
    "ldmia r0!, {r4}\n"                                                                            \
    "add r0, lr\n"                                                                                 \
    "ldmia r0!, {r5}\n"                                                                            \
    ".endif\n"                                                                                     \
    "ldmia r1!, {r6, r7}\n"                                                                        \
    "muls r6, r4\n"                                                                                \
    "muls r7, r5\n"                                                                                \
    "adds r6, r7\n" NN_M0_SPLIT ".set nn_tap, nn_tap + 2\n"                                        \
    ".if nn_tap % nn_columns == 0\n"                                                               \
    "add r0, lr\n"                                                                                 \
    ".endif\n"                                                                                     \
    ".endr\n"                                                                                      \
    ".if nn_rows * nn_columns % 2\n"                                                               \
    "ldmia r0!, {r4}\n"                                                                            \
    "ldmia r1!, {r6}\n"                                                                            \
    "muls r6, r4\n" NN_M0_SPLIT ".endif\n"                                                         \
    "lsls r4, r2, #16\n"                                                                           \
    "subs r3, r4\n"                                                                                \
    "ldmia r1!, {r4-r7}\n" NN_M0_LIMIT("r2")                                                       \
        NN_M0_LIMIT("r3") "mov r0, r5\n" NN_M0_LINE("r2", "r0")                                    \
            NN_M0_LINE("r3", "r5") ".if nn_signed\n"                                               \
                                   "ldmia r1!, {r6, r7}\n" NN_M0_LESS("r2", "r0")                  \
                                       NN_M0_LESS("r3", "r5") ".endif\n"                           \
                                                              "lsrs r0, r0, #24\n"                 \
                                                              "lsrs r5, r5, #24\n"                 \
                                                              "mov r1, r10\n"                      \
                                                              "strb r5, [r1]\n"                    \
                                                              "mov r2, r11\n"                      \
                                                              "strb r0, [r1, r2]\n"                \
                                                              "add r10, r12\n"                     \
                                                              "mov r0, r9\n"                       \
                                                              "adds r0, #nn_step\n"                \
                                                              "mov r9, r0\n"                       \
                                                              "ldr r2, [sp, #4]\n"                 \
                                                              "cmp r0, r2\n"                       \
                                                              ".if nn_rows * nn_columns < 10\n"    \
                                                              "bne 1b\n"                           \
                                                              ".else\n"                            \
                                                              "beq 4f\n"                           \
                                                              "b 1b\n"                             \
                                                              "4:\n"                               \
                                                              ".endif\n"                           \
                                                              "ldr r0, [sp]\n"                     \
                                                              "ldr r1, [r0, #28]\n"                \
                                                              "subs r1, #1\n"                      \
                                                              "str r1, [r0, #28]\n"                \
                                                              "beq 5f\n"                           \
                                                              "b 6b\n"                             \
                                                              "5:\n"                               \
                                                              "pop {r0, r1, r4-r7}\n"              \
                                                              "mov r8, r4\n"                       \
                                                              "mov r9, r5\n"                       \
                                                              "mov r10, r6\n"                      \
                                                              "mov r11, r7\n"                      \
                                                              "pop {r4-r7, pc}\n"

/* NN_M0_PACK(name, LEFT, INSIDE, RIGHT) defines a function that packs rows whose values lie inside
 * the input, between LEFT and RIGHT values of padding. r0 near, r1 apart, r2 step, r3 to; r4 r5
 * values, r6 far, r7 0; r8 rows left, r12 padding, lr from the end of a row to the next */
#define NN_M0_PACK(name, LEFT, INSIDE, RIGHT)                                                      \
    __attribute__((naked)) static int32_t *name(                                                   \
        __attribute__((unused)) const int8_t *near, __attribute__((unused)) int32_t apart,         \
        __attribute__((unused)) int32_t step, __attribute__((unused)) int32_t *to,                 \
        __attribute__((unused)) int32_t fill, __attribute__((unused)) int32_t skip,                \
        __attribute__((unused)) int32_t rows) {                                                    \
        __asm volatile(".syntax unified\n.set nn_left, " #LEFT "\n.set nn_inside, " #INSIDE        \
                       "\n.set nn_right, " #RIGHT "\n" NN_M0_PACK_BODY);                           \
    }

/* The next value of the row. */
#define NN_M0_PACKED(word)                                                                         \
    ".if nn_at < nn_left || nn_at >= nn_left + nn_inside\n"                                        \
    "mov " word ", r12\n"                                                                          \
    ".else\n"                                                                                      \
    "ldrsb r6, [r0, r1]\n"                                                                         \
    "ldrsb " word ", [r0, r7]\n"                                                                   \
    "lsls r6, r6, #16\n"                                                                           \
    "adds " word ", r6\n"                                                                          \
    "adds r0, r2\n"                                                                                \
    ".endif\n"                                                                                     \
    ".set nn_at, nn_at + 1\n"

#define NN_M0_PACK_BODY                                                                            \
    "push {r4-r7, lr}\n"                                                                           \
    "mov r4, r8\n"                                                                                 \
    "push {r4}\n"                                                                                  \
    "ldr r4, [sp, #24]\n"                                                                          \
    "mov r12, r4\n"                                                                                \
    "ldr r4, [sp, #28]\n"                                                                          \
    "mov lr, r4\n"                                                                                 \
    "ldr r4, [sp, #32]\n"                                                                          \
    "movs r7, #0\n"                                                                                \
    "1:\n"                                                                                         \
    "mov r8, r4\n"                                                                                 \
    ".set nn_at, 0\n"                                                                              \
    ".rept (nn_left + nn_inside + nn_right) / 2\n" NN_M0_PACKED("r4") NN_M0_PACKED(                \
        "r5") "stmia r3!, {r4, r5}\n"                                                              \
              ".endr\n"                                                                            \
              ".if (nn_left + nn_inside + nn_right) % 2\n" NN_M0_PACKED("r4") "stmia r3!, {r4}\n"  \
                                                                              ".endif\n"           \
                                                                              "add r0, lr\n"       \
                                                                              "mov r4, r8\n"       \
                                                                              "subs r4, #1\n"      \
                                                                              "beq 2f\n"           \
                                                                              "b 1b\n"             \
                                                                              "2:\n"               \
                                                                              "mov r0, r3\n"       \
                                                                              "pop {r4}\n"         \
                                                                              "mov r8, r4\n"       \
                                                                              "pop {r4-r7, pc}\n"
#else
#define NN_M0_PLANE(name, ROWS, COLUMNS, STEP, NARROW, FINE, SIGNED)                               \
    static void name(nn_m0_plane_t *run) {                                                         \
        nn_m0_plane(run, ROWS, COLUMNS, STEP, NARROW, FINE, SIGNED);                               \
    }
#define NN_M0_PACK(name, LEFT, INSIDE, RIGHT)                                                      \
    static int32_t *name(const int8_t *near, int32_t apart, int32_t step, int32_t *to,             \
                         int32_t fill, int32_t skip, int32_t rows) {                               \
        for (; rows; rows--, near += skip) {                                                       \
            for (int32_t i = -LEFT; i < INSIDE + RIGHT; i++) {                                     \
                const int inside = i >= 0 && i < INSIDE;                                           \
                *to++ = inside ? near[apart] * 65536 + *near : fill;                               \
                near += inside ? step : 0;                                                         \
            }                                                                                      \
        }                                                                                          \
        return to;                                                                                 \
    }
void nn_m0_plane(nn_m0_plane_t *run, uint32_t rows, uint32_t columns, uint32_t step,
                 uint32_t narrow, uint32_t fine, uint32_t is_signed);
#endif

#endif
