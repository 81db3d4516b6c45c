/* From reset to main(): vectors, floating-point unit, stack, .data, .bss; and reset. */
#include "../board.h"

#include "chip.h"
#include "core.h"

/* From the linker script. */
extern uint32_t __data_load[], __data_start[], __data_end[], __bss_start[], __bss_end[];

int main(void);

#define PAINT 0x5afe57acu /* of stack never used */

_Noreturn void start(void) {
    SCB_VTOR = (uint32_t)vectors;
    SCB_CPACR |= SCB_CPACR_FPU;
    __asm volatile("dsb\n isb" ::: "memory");
    chip_start();
#ifdef __ARM_ARCH_8M_MAIN__
    __asm volatile("msr msplim, %0" ::"r"(__StackBottom)); /* below it: a fault */
#endif
    /* start() and chip_start() need less than 128 bytes of stack, and nothing else runs before
     * main(). */
    const uintptr_t end = (uintptr_t)__StackTop - 128;
    for (volatile uint32_t *p = __StackBottom; (uintptr_t)p < end; p++) {
        *p = PAINT;
    }
    const uint32_t *from = __data_load;
    for (uint32_t *to = __data_start; to < __data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = __bss_start; to < __bss_end;) {
        *to++ = 0;
    }
    main();
    reset_chip();
}

_Noreturn void reset_chip(void) {
    __asm volatile("dsb" ::: "memory"); /* what was written last is there after it */
    SCB_AIRCR = SCB_AIRCR_RESET;
    for (;;) {
    }
}

uint32_t board_stack_size(void) {
    return 4 * (uint32_t)(__StackTop - __StackBottom);
}

uint32_t board_stack_used(void) {
    uint32_t free = 0;
    while (free < board_stack_size() / 4 && __StackBottom[free] == PAINT) {
        free++;
    }
    return board_stack_size() - 4 * free;
}
