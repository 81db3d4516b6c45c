/* From reset to main(): vectors, floating-point unit, stack, .data, .bss. */
#include "../board.h"

#include "internal.h"
#include "registers.h"

/* From the linker script. */
extern uint32_t __StackBottom[], __StackTop[];
extern uint32_t __data_load[], __data_start[], __data_end[], __bss_start[], __bss_end[];

int main(void);

_Noreturn void start(void);

typedef const void *vector_t;
enum { FIRST_INTERRUPT = 16 };

#define PAINT 0x5afe57acu /* of stack never used */

__attribute__((
    section(".vectors"), used,
    aligned(512))) static const vector_t vectors[FIRST_INTERRUPT + BOARD_UART0_IRQ + 2] = {
    [0] = __StackTop,
    [1] = (vector_t)start,
    [2] = (vector_t)isr_nmi,
    [3] = (vector_t)isr_fault, /* the finer ones are off and end here */
    [11] = (vector_t)isr_fault,
    [12] = (vector_t)isr_fault,
    [14] = (vector_t)isr_fault,
    [15] = (vector_t)isr_systick,
    [FIRST_INTERRUPT + BOARD_UART0_IRQ] = (vector_t)isr_uart,     /* receive */
    [FIRST_INTERRUPT + BOARD_UART0_IRQ + 1] = (vector_t)isr_uart, /* transmit */
};

_Noreturn void start(void) {
    SCB_VTOR = (uint32_t)vectors;
    SCB_CPACR |= SCB_CPACR_FPU;
    __asm volatile("dsb\n isb" ::: "memory");
#ifdef __ARM_ARCH_8M_MAIN__
    __asm volatile("msr msplim, %0" ::"r"(__StackBottom)); /* below it: a fault */
#endif
    /* start() itself needs less than 128 bytes, and main() comes above nothing else. */
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
