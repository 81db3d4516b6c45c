/* Stack high-water mark: paint the free part at start, look later how much paint is left. */
#include "../board.h"

#include "internal.h"

/* From the linker script. */
extern uint32_t __StackBottom[], __StackTop[];

#define PAINT 0x5afe57acu

/* Below this frame nothing is in use yet but what interrupts push meanwhile. */
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
