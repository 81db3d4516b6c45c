/* Start-up, identity and boot loader of an nRF52840 board. */
#include "../board.h"

#include <stddef.h>

#include "../cortex_m/chip.h"
#include "../cortex_m/core.h"
#include "internal.h"
#include "nrf.h"
#ifdef BOARD_USB
#include "../usb/console.h"
#else
#include "../uart/uart.h"
#endif

enum { ALL = -1 };
#define FPSCR_EXCEPTIONS 0x9fu

static char serial[17];

/* A boot loader may have left its interrupts on. */
void chip_start(void) {
    for (uint32_t i = 0; i < NRF_INTERRUPTS; i += 32) {
        NVIC->ICER[i / 32] = (uint32_t)ALL;
        NVIC->ICPR[i / 32] = (uint32_t)ALL;
    }
    SYSTICK->control = 0;
    NRF_NVMC->ICACHECNF = NVMC_ICACHECNF_CACHEEN_Enabled;
    __asm volatile("cpsie i" ::: "memory");
}

static void read_serial(void) {
    for (uint32_t digit = 0; digit < 16; digit++) {
        const uint32_t word = NRF_FICR->DEVICEID[1 - digit / 8];
        serial[digit] = "0123456789ABCDEF"[word >> (28 - 4 * (digit % 8)) & 15];
    }
}

/* Why the last run ended, if the watchdog ended it. The register collects reasons, and more than
 * there were (erratum 136), so it is cleared for the next time. */
static const char *reset_reason(void) {
    const uint32_t reasons = NRF_POWER->RESETREAS;
    NRF_POWER->RESETREAS = reasons;
    return reasons & POWER_RESETREAS_DOG_Msk ? "watchdog: the main loop got stuck" : NULL;
}

void board_init(void) {
    const char *const reason = reset_reason();
    fault_init(reason);
    if (reason) { /* it left no time to say so */
        console_print(reason);
        console_print("\r\n");
    }
    crystals_start();
    clock_init();
    read_serial();
    led_init();
    console_init();
    usb_power_init();
}

const char *board_serial(void) {
    return serial;
}

/* Erratum 87: a floating-point exception's flag keeps the CPU from sleeping. */
static void forget_float_exceptions(void) {
    uint32_t fpscr;
    __asm volatile("vmrs %0, fpscr" : "=r"(fpscr));
    __asm volatile("vmsr fpscr, %0" ::"r"(fpscr & ~FPSCR_EXCEPTIONS));
    NVIC_ClearPendingIRQ(FPU_IRQn);
}

bool chip_pending(void) {
    forget_float_exceptions();
    return microphone_pending() || console_pending();
}

/* Boot loaders read this register, which survives a reset. Without a boot loader this is a plain
 * reset. */
_Noreturn void board_bootloader(void) {
#ifdef BOARD_BOOTLOADER_REQUEST
    NRF_POWER->GPREGRET = BOARD_BOOTLOADER_REQUEST;
#endif
    reset_chip();
}

void isr_nmi(void) { /* nothing here makes one */
    fault_report("unexpected NMI");
}
