/* The core's own registers: Armv7-M and Armv8-M architecture reference manuals (Arm DDI 0403, DDI
 * 0553), chapter B3 and D1. */
#ifndef OTOLITH_CORTEX_M_CORE_H
#define OTOLITH_CORTEX_M_CORE_H

#include <stdint.h>

typedef volatile uint32_t reg_t;

typedef struct {
    reg_t control, reload, value;
} systick_t;
#define SYSTICK ((systick_t *)0xe000e010u)
enum { SYSTICK_ENABLE = 1 << 0, SYSTICK_INTERRUPT = 1 << 1, SYSTICK_CPU_CLOCK = 1 << 2 };

#define NVIC_ENABLE ((reg_t *)0xe000e100u) /* 32 interrupts a word */
#define SCB_ICSR (*(reg_t *)0xe000ed04u)
#define SCB_ICSR_SYSTICK_PENDING (1u << 26)
#define SCB_VTOR (*(reg_t *)0xe000ed08u)
#define SCB_AIRCR (*(reg_t *)0xe000ed0cu)
#define SCB_AIRCR_RESET (0x05fa0000u | 1u << 2) /* SYSRESETREQ, with the key */
#define SAU_CONTROL (*(reg_t *)0xe000edd0u)     /* Armv8-M: 0 is secure all over */
#define SCB_CPACR (*(reg_t *)0xe000ed88u)
#define SCB_CPACR_FPU (0xfu << 20) /* coprocessors 10 and 11: full access */

static inline uint32_t interrupts_off(void) {
    uint32_t before;
    __asm volatile("mrs %0, primask\n cpsid i" : "=r"(before)::"memory");
    return before;
}

static inline void interrupts_restore(uint32_t before) {
    __asm volatile("msr primask, %0" ::"r"(before) : "memory");
}

static inline void interrupt_enable(uint32_t number) {
    NVIC_ENABLE[number / 32] = 1u << number % 32;
}

#endif
