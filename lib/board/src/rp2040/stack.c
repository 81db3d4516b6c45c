/* Stack high-water mark: the free part is painted at the start; the paint that is left tells how
 * much was never used. */
#include "../board.h"

#include "internal.h"

/* From the linker script. */
extern uint32_t __StackBottom[], __StackTop[];

#define PAINT 0x5afe57acu

/* Below this frame only interrupts use the stack. */
enum { MARGIN = 128 };

void stack_paint(void) {
    const uintptr_t end = (uintptr_t)__builtin_frame_address(0) - MARGIN;
    for (volatile uint32_t *p = __StackBottom; (uintptr_t)p < end; p++) {
        *p = PAINT;
    }
}

uint32_t board_stack_size(void) {
    return (uint32_t)((uintptr_t)__StackTop - (uintptr_t)__StackBottom);
}

uint32_t board_stack_used(void) {
    const uint32_t *p = __StackBottom;
    while (p < __StackTop && *p == PAINT) {
        p++;
    }
    return (uint32_t)((uintptr_t)__StackTop - (uintptr_t)p);
}
