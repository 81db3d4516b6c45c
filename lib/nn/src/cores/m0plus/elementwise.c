/* ADD, SUB and MUL by a straight line. The compiler has compared it with TFLite's rounding for all
 * 65,536 pairs of inputs. */
#include <stddef.h>

#include "m0plus_kernels.h"

/* Fractional bits, as in host/otolith/compile/cores/m0plus/elementwise.py. A value needs its other
 * ten bits, or twelve. */
#define FINE_BITS 14
#define SHIFT 22
#define WIDE 20

#if defined(__ARM_ARCH_6M__)
/* The pointers are at the ends, i counts from -count to 0. LINE turns the inputs x and y into x and
 * may spend y. Apart from it, an element takes 4 cycles for loads, 5 for shift and limits, 2 for
 * the store and 3 for the loop. */
#define ELEMENTS(SHIFT_TEXT, LINE, MORE)                                                           \
    "1: ldrsb r4, [r1, r0]\n"                                                                      \
    "ldrsb r5, [r2, r0]\n" LINE "2: asrs r4, r4, #" SHIFT_TEXT "\n"                                \
    "cmp r4, r11\n"                                                                                \
    "bgt 4f\n"                                                                                     \
    "cmp r4, r10\n"                                                                                \
    "blt 5f\n"                                                                                     \
    "3: strb r4, [r3, r0]\n"                                                                       \
    "adds r0, #1\n"                                                                                \
    "bne 1b\n"                                                                                     \
    "b 7f\n"                                                                                       \
    "4: mov r4, r11\n"                                                                             \
    "b 3b\n"                                                                                       \
    "5: mov r4, r10\n"                                                                             \
    "b 3b\n" MORE "7:\n"

/* r4: count. Leaves the pointers at the ends and i in r0. */
#define ENDS                                                                                       \
    "adds r1, r1, r4\n"                                                                            \
    "adds r2, r2, r4\n"                                                                            \
    "adds r3, r3, r4\n"                                                                            \
    "rsbs r0, r4, #0\n"

#define SAVE                                                                                       \
    ".syntax unified\n"                                                                            \
    "push {r4-r7, lr}\n"                                                                           \
    "mov r4, r8\n"                                                                                 \
    "mov r5, r9\n"                                                                                 \
    "mov r6, r10\n"                                                                                \
    "mov r7, r11\n"                                                                                \
    "push {r4-r7}\n"
#define RESTORE                                                                                    \
    "pop {r4-r7}\n"                                                                                \
    "mov r8, r4\n"                                                                                 \
    "mov r9, r5\n"                                                                                 \
    "mov r10, r6\n"                                                                                \
    "mov r11, r7\n"                                                                                \
    "pop {r4-r7, pc}\n"

_Static_assert(offsetof(nn_m0_add_t, run.count) == 4 && offsetof(nn_m0_add_t, a) == 16 &&
                   offsetof(nn_m0_add_t, start) == 24 && offsetof(nn_m0_add_t, low) == 28,
               "add_run() counts on these places");
_Static_assert(offsetof(nn_m0_mul_t, a_offset) == 16 && offsetof(nn_m0_mul_t, coarse) == 20 &&
                   offsetof(nn_m0_mul_t, start) == 28 && offsetof(nn_m0_mul_t, negative) == 32 &&
                   offsetof(nn_m0_mul_t, low) == 36,
               "multiply_run() counts on these places");

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* r0: i, r1: a, r2: b, r3: out, r4: x, r5: y, r6, r7: factors, r9: start, r10: low, r11: high */
#define SUM_BODY(shift)                                                                            \
    SAVE "ldr r4, [r0, #24]\n"                                                                     \
         "mov r9, r4\n"                                                                            \
         "movs r4, #28\n"                                                                          \
         "ldrsb r4, [r0, r4]\n"                                                                    \
         "mov r10, r4\n"                                                                           \
         "movs r4, #29\n"                                                                          \
         "ldrsb r4, [r0, r4]\n"                                                                    \
         "mov r11, r4\n"                                                                           \
         "ldr r6, [r0, #16]\n"                                                                     \
         "ldr r7, [r0, #20]\n"                                                                     \
         "ldr r4, [r0, #4]\n" ENDS                                                                 \
         ELEMENTS(TEXT(shift),                                                                     \
                  "muls r4, r6\n"                                                                  \
                  "muls r5, r7\n"                                                                  \
                  "adds r4, r4, r5\n"                                                              \
                  "add r4, r9\n",                                                                  \
                  "") RESTORE

#define LINE_OF_PRODUCT                                                                            \
    "muls r4, r6\n"                                                                                \
    "muls r5, r7\n"                                                                                \
    "asrs r5, r5, #" TEXT(FINE_BITS) "\n"                                                          \
                                     "adds r4, r4, r5\n"

/* r8: negative, r12 and lr: the offsets; the rest as above */
#define PRODUCT_BODY(shift)                                                                        \
    SAVE "ldr r4, [r0, #28]\n"                                                                     \
         "mov r9, r4\n"                                                                            \
         "ldr r4, [r0, #32]\n"                                                                     \
         "mov r8, r4\n"                                                                            \
         "movs r4, #36\n"                                                                          \
         "ldrsb r4, [r0, r4]\n"                                                                    \
         "mov r10, r4\n"                                                                           \
         "movs r4, #37\n"                                                                          \
         "ldrsb r4, [r0, r4]\n"                                                                    \
         "mov r11, r4\n"                                                                           \
         "movs r4, #16\n"                                                                          \
         "ldrsh r4, [r0, r4]\n"                                                                    \
         "mov r12, r4\n"                                                                           \
         "movs r4, #18\n"                                                                          \
         "ldrsh r4, [r0, r4]\n"                                                                    \
         "mov lr, r4\n"                                                                            \
         "ldr r6, [r0, #20]\n"                                                                     \
         "ldr r7, [r0, #24]\n"                                                                     \
         "ldr r4, [r0, #4]\n" ENDS                                                                 \
         ELEMENTS(TEXT(shift),                                                                     \
                  "add r4, r12\n"                                                                  \
                  "add r5, lr\n"                                                                   \
                  "muls r4, r5\n"                                                                  \
                  "mov r5, r4\n"                                                                   \
                  "bmi 6f\n" LINE_OF_PRODUCT "add r4, r9\n",                                       \
                  "6:\n" LINE_OF_PRODUCT "add r4, r8\n"                                            \
                  "b 2b\n") RESTORE

/* naked, so that the arguments are in r0 to r3 */
#define SUM_RUN(name, shift)                                                                       \
    __attribute__((naked, noinline)) static void name(const nn_m0_add_t *p, const int8_t *a,       \
                                                      const int8_t *b, int8_t *out) {              \
        (void)p, (void)a, (void)b, (void)out;                                                      \
        __asm volatile(SUM_BODY(shift));                                                           \
    }
#define PRODUCT_RUN(name, shift)                                                                   \
    __attribute__((naked, noinline)) static void name(const nn_m0_mul_t *p, const int8_t *a,       \
                                                      const int8_t *b, int8_t *out) {              \
        (void)p, (void)a, (void)b, (void)out;                                                      \
        __asm volatile(PRODUCT_BODY(shift));                                                       \
    }
#else
static int8_t finish(int32_t value, int32_t low, int32_t high) {
    return (int8_t)(value < low ? low : value > high ? high : value);
}

#define SUM_RUN(name, shift)                                                                       \
    static void name(const nn_m0_add_t *p, const int8_t *a, const int8_t *b, int8_t *out) {        \
        for (uint32_t i = 0; i < p->run.count; i++) {                                              \
            const int32_t line = a[i] * p->a + b[i] * p->b + p->start;                             \
            out[i] = finish(line >> (shift), p->low, p->high);                                     \
        }                                                                                          \
    }
#define PRODUCT_RUN(name, shift)                                                                   \
    static void name(const nn_m0_mul_t *p, const int8_t *a, const int8_t *b, int8_t *out) {        \
        for (uint32_t i = 0; i < p->run.count; i++) {                                              \
            const int32_t product = (a[i] + p->a_offset) * (b[i] + p->b_offset);                   \
            const int32_t line = product * p->coarse + (product * p->fine >> FINE_BITS);           \
            const int32_t start = product < 0 ? p->negative : p->start;                            \
            out[i] = finish((line + start) >> (shift), p->low, p->high);                           \
        }                                                                                          \
    }
#endif

#define KERNEL(kind, kernel, run_kernel)                                                           \
    void kernel(const nn_m0_##kind##_t *p, const int8_t *a, const int8_t *b, int8_t *out) {        \
        for (uint32_t run = 0; run < p->run.runs; run++) {                                         \
            run_kernel(p, a, b, out);                                                              \
            a += p->run.step_a;                                                                    \
            b += p->run.step_b;                                                                    \
            out += p->run.count;                                                                   \
        }                                                                                          \
    }

SUM_RUN(add_run, SHIFT)
SUM_RUN(add_run_wide, WIDE)
PRODUCT_RUN(multiply_run, SHIFT)
PRODUCT_RUN(multiply_run_wide, WIDE)

KERNEL(add, nn_m0_add, add_run)
KERNEL(add, nn_m0_add_wide, add_run_wide)
KERNEL(mul, nn_m0_mul, multiply_run)
KERNEL(mul, nn_m0_mul_wide, multiply_run_wide)
