/* The parts of CMSIS's header of this name that TinyUSB's driver and Nordic's nrf.h use: access
 * qualifiers, barriers, NVIC, SCB (Armv7-M ARM, Arm DDI 0403, B3). */
#ifndef OTOLITH_CORE_CM4_H
#define OTOLITH_CORE_CM4_H

#include <stdint.h>

#define __CM4_CMSIS_VERSION 0 /* none of Arm's */

#define __I volatile const
#define __O volatile
#define __IO volatile
#define __IM volatile const
#define __OM volatile
#define __IOM volatile
#define __STATIC_INLINE static inline

typedef struct {
    __IOM uint32_t ISER[32], ICER[32], ISPR[32], ICPR[32];
} NVIC_Type;
#define NVIC ((NVIC_Type *)0xe000e100u)

typedef struct {
    __IM uint32_t CPUID;
    __IOM uint32_t ICSR;
} SCB_Type;
#define SCB ((SCB_Type *)0xe000ed00u)
#define SCB_ICSR_VECTACTIVE_Msk 0x1ffu

static inline void __DSB(void) {
    __asm volatile("dsb" ::: "memory");
}

static inline void __ISB(void) {
    __asm volatile("isb" ::: "memory");
}

static inline void NVIC_EnableIRQ(IRQn_Type number) {
    NVIC->ISER[(uint32_t)number / 32] = 1u << (uint32_t)number % 32;
}

static inline void NVIC_DisableIRQ(IRQn_Type number) {
    NVIC->ICER[(uint32_t)number / 32] = 1u << (uint32_t)number % 32;
    __DSB();
    __ISB();
}

static inline void NVIC_ClearPendingIRQ(IRQn_Type number) {
    NVIC->ICPR[(uint32_t)number / 32] = 1u << (uint32_t)number % 32;
}

#endif
