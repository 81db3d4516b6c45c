/* Faults: print the reason on the UART, keep it in RAM that start-up leaves alone, and reset.
 * The next start reads it. */
#include "../board.h"

#include <stddef.h>
#include <string.h>

#include "chip.h"

#define LEFT 0x07011701u /* a mark no fresh RAM has by chance, twice */

static struct {
    uint32_t mark, inverse;
    char reason[64];
} last __attribute__((section(".uninitialized_data")));

static const char *found;

void fault_init(const char *otherwise) {
    const bool note = last.mark == LEFT && last.inverse == ~LEFT;
    found = note && memchr(last.reason, 0, sizeof last.reason) ? last.reason : otherwise;
    last.mark = 0;
}

const char *board_last_fault(void) {
    return found;
}

_Noreturn void fault_report(const char *reason) {
    strncpy(last.reason, reason, sizeof last.reason - 1);
    last.mark = LEFT;
    last.inverse = ~LEFT;
    console_print(reason);
    console_print("\r\n");
    reset_chip();
}

static void write_hex(char *to, uint32_t value) {
    for (int digit = 7; digit >= 0; digit--, value >>= 4) {
        to[digit] = "0123456789abcdef"[value & 15];
    }
}

/* frame: r0 to r3, r12, lr, pc and xpsr, as the core has pushed them. */
_Noreturn void fault_hard(const uint32_t *frame);
_Noreturn void fault_hard(const uint32_t *frame) {
    char reason[] = "hard fault at 0x00000000, called from 0x00000000";
    if (frame >= __StackBottom && frame + 8 <= __StackTop) {
        write_hex(strchr(reason, 'x') + 1, frame[6]);
        write_hex(strrchr(reason, 'x') + 1, frame[5]);
    }
    fault_report(reason);
}

/* A full stack may be the reason for the fault, so continue at its top, away from the frame. */
__attribute__((naked)) void isr_fault(void) {
    __asm volatile("mrs r0, msp\n"
                   "ldr r1, =__StackBottom + 512\n"
                   "cmp r0, r1\n"
                   "itt lo\n"
                   "ldrlo r1, =__StackTop\n"
                   "movlo sp, r1\n"
                   "b fault_hard\n"
                   ".ltorg\n");
}
