/* Faults: print the reason on UART0, keep it in the watchdog's scratch registers, and reboot.
 * These registers survive a reset, but not a power cycle; the next start reads them. */
#include "../board.h"

#include <stddef.h>

#include "hardware/gpio.h"
#include "hardware/structs/watchdog.h"
#include "hardware/uart.h"
#include "hardware/watchdog.h"

#include "internal.h"

enum { BAUD = 115200 };
#ifndef BOARD_PIN_UART_TX
#define BOARD_PIN_UART_TX 0
#endif

/* Scratch registers 0 to 3 are free; the SDK and the boot ROM use 4 to 7. */
enum { KIND = 0, ADDRESS, CALLER };
#define FAULT_HARD 0x07011701u
#define FAULT_PANIC 0x07011702u
/* Marks that this program has started the watchdog. Without the mark, a watchdog reset was
 * another program's, such as the boot ROM's after an upload. */
#define WATCHED 0x07011703u

static char reason[96];

static char *append(char *to, const char *text) {
    while (*text && to < reason + sizeof reason - 1) {
        *to++ = *text++;
    }
    *to = '\0';
    return to;
}

static char *append_hex(char *to, uint32_t value) {
    char digits[11] = "0x";
    for (int i = 0; i < 8; i++) {
        digits[2 + i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
    }
    digits[10] = '\0';
    return append(to, digits);
}

static void describe(void) {
    const uint32_t kind = watchdog_hw->scratch[KIND];
    const uint32_t address = watchdog_hw->scratch[ADDRESS];
    char *end = reason;
    if (kind == FAULT_HARD) {
        end = append_hex(append(end, "hard fault at "), address);
        append_hex(append(end, ", called from "), watchdog_hw->scratch[CALLER]);
    } else if (kind == FAULT_PANIC) {
        const bool readable = address >= XIP_BASE && address < XIP_BASE + PICO_FLASH_SIZE_BYTES;
        append(append(end, "panic: "), readable ? (const char *)address : "unknown");
    } else if (kind == WATCHED && (watchdog_hw->reason & WATCHDOG_REASON_TIMER_BITS)) {
        append(end, "watchdog: the main loop got stuck");
    }
}

void fault_init(void) {
    describe();
    fault_expect_reset();
}

void fault_expect_reset(void) {
    watchdog_hw->scratch[KIND] = 0;
}

void fault_watched(void) {
    watchdog_hw->scratch[KIND] = WATCHED;
}

const char *board_last_fault(void) {
    return reason[0] ? reason : NULL;
}

static _Noreturn void report_and_reboot(uint32_t kind, uint32_t address, uint32_t caller) {
    watchdog_hw->scratch[KIND] = kind;
    watchdog_hw->scratch[ADDRESS] = address;
    watchdog_hw->scratch[CALLER] = caller;
    describe();
    uart_init(uart0, BAUD);
    gpio_set_function(BOARD_PIN_UART_TX, GPIO_FUNC_UART);
    uart_puts(uart0, reason);
    uart_puts(uart0, "\r\n");
    uart_tx_wait_blocking(uart0);
    watchdog_reboot(0, 0, 0);
    for (;;) {
    }
}

/* frame: r0 to r3, r12, lr, pc and xpsr, as the core has pushed them. */
_Noreturn void fault_hard(const uint32_t *frame);
_Noreturn void fault_hard(const uint32_t *frame) {
    const bool readable = (uintptr_t)frame >= SRAM_BASE && (uintptr_t)(frame + 8) <= SRAM_END;
    report_and_reboot(FAULT_HARD, readable ? frame[6] : 0, readable ? frame[5] : 0);
}

/* Takes the place of the SDK's weak vector. */
void isr_hardfault(void);
__attribute__((naked)) void isr_hardfault(void) {
    __asm volatile("mov r1, lr\n"
                   "movs r0, #4\n" /* EXC_RETURN bit 2: which stack holds the frame */
                   "tst r0, r1\n"
                   "mrs r0, msp\n"
                   "beq 1f\n"
                   "mrs r0, psp\n"
                   "1: ldr r1, =fault_hard\n"
                   "bx r1\n"
                   ".ltorg\n");
}

/* The SDK's panic() comes here (PICO_PANIC_FUNCTION); `text` is a constant in flash. */
_Noreturn void board_panic(const char *text, ...);
_Noreturn void board_panic(const char *text, ...) {
    report_and_reboot(FAULT_PANIC, (uint32_t)text, 0);
}
