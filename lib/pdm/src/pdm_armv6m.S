/* pdm_filters.h for Cortex-M0+: a multiplication takes one cycle there, a load two, so every load
 * serves two or three outputs; sums wait in the upper registers. */
#ifdef __ARM_ARCH_6M__

#include "pdm_taps.h"

        .syntax unified
        .cpu    cortex-m0plus
        .thumb

        .macro  function name
        .section .text.\name, "ax", %progbits
        .p2align 2
        .global \name
        .type   \name, %function
        .thumb_func
\name:
        push    {r4-r7, lr}
        mov     r4, r8
        mov     r5, r9
        mov     r6, r10
        mov     r7, r11
        push    {r4-r7}
        .endm

        .macro  leave name
        pop     {r4-r7}
        mov     r8, r4
        mov     r9, r5
        mov     r10, r6
        mov     r11, r7
        pop     {r4-r7, pc}
        .ltorg
        .size   \name, . - \name
        .endm

        .macro  constant register, value
        .if     (\value) >= 0 && (\value) < 256
        movs    \register, #(\value)
        .else
        ldr     \register, =(\value)
        .endif
        .endm

/* What byte `offset` of the word at r1 adds to outputs 0 and 2 in `first`, 1 and 3 in `second`;
 * place: table of the first (r0) or of the second byte of sixteen bits (r8). */
        .macro  byte offset, place, first, second
        ldrb    r5, [r1, #\offset]
        lsls    r5, r5, #3
        add     r5, \place
        ldm     r5!, {r6, r7}
        adds    \first, \first, r6
        adds    \second, \second, r7
        .endm

/* A word's two samples. */
        .macro  word at, out
        byte    \at + 3, r0, r2, r3
        byte    \at + 2, r8, r2, r3
        strh    r2, [r4, #\out]
        lsrs    r2, r2, #16
        byte    \at + 1, r0, r3, r2
        byte    \at, r8, r3, r2
        strh    r3, [r4, #\out + 2]
        lsrs    r3, r3, #16
        .endm

/* r0 table, r1 bits, r2 outputs 0 and 2, r3 outputs 1 and 3, r4 out; r9 open, r10 end of bits */
        function pdm_first
        lsls    r2, r2, #2
        adds    r2, r1, r2
        mov     r10, r2
        ldr     r4, [sp, #36]
        mov     r9, r4
        ldr     r5, =2048
        adds    r5, r0, r5
        mov     r8, r5
        mov     r5, r3
        ldm     r4!, {r2, r3}
        mov     r4, r5
1:      word    0, 0
        word    4, 4
        adds    r4, r4, #8
        adds    r1, r1, #8
        cmp     r1, r10
        bne     1b
        mov     r4, r9
        stm     r4!, {r2, r3}
        leave   pdm_first

/* One tap for both outputs: r5 and r6 are x[i + 2] and x[10 - i], then the sums that it multiplies.
 * r1 and r2 are the outputs'. */
        .macro  add_products value
        constant r7, \value
        muls    r5, r7
        muls    r6, r7
        adds    r2, r2, r5
        adds    r1, r1, r6
        .endm

        .macro  load_new i
        ldrh    r5, [r0, #2 * (\i + 2)]
        ldrh    r6, [r0, #2 * (10 - \i)]
        .endm

/* with x[i] and x[12 - i] from memory */
        .macro  outer i, value, keep_low, keep_high
        load_new \i
        mov     \keep_low, r5
        mov     \keep_high, r6
        ldrh    r3, [r0, #2 * \i]
        ldrh    r4, [r0, #2 * (12 - \i)]
        adds    r6, r6, r3
        adds    r5, r5, r4
        add_products \value
        .endm

/* with those from two steps before */
        .macro  inner i, value, low, high
        load_new \i
        mov     r3, r5
        mov     r4, r6
        add     r6, \low
        add     r5, \high
        mov     \low, r3
        mov     \high, r4
        add_products \value
        .endm

/* r0 x, r12 even, lr odd */
        function pdm_middle
        lsls    r3, r3, #3
        adds    r3, r0, r3
        push    {r3}
        mov     r12, r1
        mov     lr, r2
1:      ldr     r1, =PDM_MIDDLE_START
        movs    r2, r1
        outer   0, PDM_MIDDLE_0, r8, r9
        outer   1, PDM_MIDDLE_1, r10, r11
        inner   2, PDM_MIDDLE_2, r8, r9
        inner   3, PDM_MIDDLE_3, r10, r11
        load_new 4
        add     r6, r8
        add     r5, r9
        add_products PDM_MIDDLE_4
        mov     r6, r10
        mov     r5, r11
        add_products PDM_MIDDLE_5
        asrs    r1, r1, #PDM_MIDDLE_SHIFT
        asrs    r2, r2, #PDM_MIDDLE_SHIFT
        mov     r3, r12
        stm     r3!, {r1}
        mov     r12, r3
        mov     r3, lr
        stm     r3!, {r2}
        mov     lr, r3
        adds    r0, r0, #8
        ldr     r3, [sp]
        cmp     r0, r3
        bne     1b
        add     sp, #4
        leave   pdm_middle

/* One tap for three outputs, whose sums are r8, r9, r10. l0 to l2: x[i .. i + 2], h1 and h2:
 * x[32 - i] and x[33 - i]; h0 gets x[31 - i]; l0 becomes x[i + 3] and h2 is free then. r0 points to
 * x[1]. */
        .macro  three i, value, l0, l1, l2, h0, h1, h2, next=1
        ldr     \h0, [r0, #4 * (30 - \i)]
        constant r7, \value
        adds    \l0, \l0, \h0
        muls    \l0, r7
        add     r8, \l0
        adds    \l0, \l1, \h1
        muls    \l0, r7
        add     r9, \l0
        adds    \h2, \h2, \l2
        muls    \h2, r7
        add     r10, \h2
        .if     \next
        ldr     \l0, [r0, #4 * (\i + 2)]
        .endif
        .endm

/* One tap for one output, whose sum is r3; r0 points to x[0]. */
        .macro  one i, value
        ldr     r1, [r0, #4 * \i]
        ldr     r2, [r0, #4 * (31 - \i)]
        constant r7, \value
        adds    r1, r1, r2
        muls    r1, r7
        adds    r3, r3, r1
        .endm

/* r0 x, r11 sums, lr their end but for r12 single ones */
        function pdm_last
        mov     r11, r1
        mov     r12, r3
        movs    r3, #12
        muls    r2, r3
        adds    r2, r1, r2
        mov     lr, r2
        cmp     r1, r2
        bne     1f
        b       2f
1:      ldm     r0!, {r1}
        ldr     r2, [r0]
        ldr     r3, [r0, #4]
        ldr     r5, [r0, #124]
        movs    r6, r0
        adds    r6, r6, #64
        ldr     r6, [r6, #64]
        ldr     r7, =PDM_LAST_START
        mov     r8, r7
        mov     r9, r7
        mov     r10, r7
        three   0, PDM_LAST_0, r1, r2, r3, r4, r5, r6
        three   1, PDM_LAST_1, r2, r3, r1, r6, r4, r5
        three   2, PDM_LAST_2, r3, r1, r2, r5, r6, r4
        three   3, PDM_LAST_3, r1, r2, r3, r4, r5, r6
        three   4, PDM_LAST_4, r2, r3, r1, r6, r4, r5
        three   5, PDM_LAST_5, r3, r1, r2, r5, r6, r4
        three   6, PDM_LAST_6, r1, r2, r3, r4, r5, r6
        three   7, PDM_LAST_7, r2, r3, r1, r6, r4, r5
        three   8, PDM_LAST_8, r3, r1, r2, r5, r6, r4
        three   9, PDM_LAST_9, r1, r2, r3, r4, r5, r6
        three   10, PDM_LAST_10, r2, r3, r1, r6, r4, r5
        three   11, PDM_LAST_11, r3, r1, r2, r5, r6, r4
        three   12, PDM_LAST_12, r1, r2, r3, r4, r5, r6
        three   13, PDM_LAST_13, r2, r3, r1, r6, r4, r5
        three   14, PDM_LAST_14, r3, r1, r2, r5, r6, r4
        three   15, PDM_LAST_15, r1, r2, r3, r4, r5, r6, 0
        mov     r4, r11
        mov     r1, r8
        mov     r2, r9
        mov     r3, r10
        stm     r4!, {r1, r2, r3}
        mov     r11, r4
        adds    r0, r0, #8
        cmp     r4, lr
        beq     2f
        b       1b
2:      mov     r4, r12
        mov     r5, r11
        cmp     r4, #0
        bne     3f
        b       4f
3:      ldr     r3, =PDM_LAST_START
        one     0, PDM_LAST_0
        one     1, PDM_LAST_1
        one     2, PDM_LAST_2
        one     3, PDM_LAST_3
        one     4, PDM_LAST_4
        one     5, PDM_LAST_5
        one     6, PDM_LAST_6
        one     7, PDM_LAST_7
        one     8, PDM_LAST_8
        one     9, PDM_LAST_9
        one     10, PDM_LAST_10
        one     11, PDM_LAST_11
        one     12, PDM_LAST_12
        one     13, PDM_LAST_13
        one     14, PDM_LAST_14
        one     15, PDM_LAST_15
        stm     r5!, {r3}
        adds    r0, r0, #4
        subs    r4, r4, #1
        beq     4f
        b       3b
4:      leave   pdm_last

/* r0 sums, r1 even, r2 pcm, r3 its end, r4 mean */
        function pdm_finish
        ldr     r4, [sp, #36]
        lsls    r3, r3, #1
        adds    r3, r2, r3
1:      ldm     r0!, {r5}
        ldm     r1!, {r6}
        lsls    r6, r6, #PDM_LAST_CENTRE
        adds    r5, r5, r6
        asrs    r5, r5, #PDM_LAST_SHIFT
        asrs    r6, r4, #PDM_NOTCH_SHIFT
        subs    r4, r4, r6
        adds    r4, r4, r5
        asrs    r6, r4, #PDM_NOTCH_SHIFT
        subs    r5, r5, r6
        adds    r5, r5, #1 << (PDM_TO_PCM - 1)
        asrs    r5, r5, #PDM_TO_PCM
        sxth    r6, r5
        cmp     r5, r6
        beq     2f
        ldr     r6, =32767      @ saturated: or the opposite of it
        asrs    r5, r5, #31
        eors    r6, r5
2:      strh    r6, [r2]
        adds    r2, r2, #2
        cmp     r2, r3
        bne     1b
        movs    r0, r4
        leave   pdm_finish

#endif
