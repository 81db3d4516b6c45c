/* The vector table, and what comes before .data and .bss. */
#include "../cortex_m/chip.h"
#include "../uart/uart.h"
#include "internal.h"
#include "registers.h"

__attribute__((section(".vectors"), used, aligned(512)))
const vector_t vectors[FIRST_INTERRUPT + LDMA_IRQn + 1] = {
    CORE_VECTORS,
    [FIRST_INTERRUPT + EUSART0_RX_IRQn] = (vector_t)isr_uart,
    [FIRST_INTERRUPT + EUSART0_TX_IRQn] = (vector_t)isr_uart,
    [FIRST_INTERRUPT + LDMA_IRQn] = (vector_t)isr_microphone,
};

/* Make all memory and peripherals secure, as after a reset, whatever a bootloader has set. The
 * addresses here are the secure ones (chapter SMU). */
void chip_start(void) {
    SAU_CONTROL = 0;
    reg_set(&CMU->CLKEN1, CMU_CLKEN1_SMU);
    SMU->LOCK = SMU_LOCK_SMULOCKKEY_UNLOCK;
    SMU->PPUSATD0 = _SMU_PPUSATD0_MASK;
    SMU->PPUSATD1 = _SMU_PPUSATD1_MASK;
    SMU->BMPUSATD0 = _SMU_BMPUSATD0_MASK;
}

void isr_nmi(void) {
    fault_report("non-maskable interrupt");
}
