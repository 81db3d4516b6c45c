/* This folder has what is the same on every Cortex-M4 and M33. This header declares what it
 * needs from a chip family and what it offers to it. */
#ifndef OTOLITH_CORTEX_M_CHIP_H
#define OTOLITH_CORTEX_M_CHIP_H

#include <stdbool.h>
#include <stdint.h>

/* ---- the family's ---- */

/* Called first, before .data and .bss are set up. */
void chip_start(void);
/* Whether there is anything to do before sleeping. Called with interrupts off. */
bool chip_pending(void);
/* Print a text and wait until it is out; for faults, when nothing else may work. */
void console_print(const char *text);

/* ---- start.c ---- */

/* The family's table begins with these entries and lies in section .vectors. */
typedef const void *vector_t;
extern const vector_t vectors[];
enum { FIRST_INTERRUPT = 16 };
#define CORE_VECTORS                                                                               \
    [0] = __StackTop, [1] = (vector_t)start, [2] = (vector_t)isr_nmi,                              \
    [3] = (vector_t)isr_fault, /* faults that are not enabled end here */                          \
        [11] = (vector_t)isr_fault, [12] = (vector_t)isr_fault, [14] = (vector_t)isr_fault,        \
    [15] = (vector_t)isr_systick

extern uint32_t __StackBottom[], __StackTop[]; /* from the linker script */
_Noreturn void start(void);
_Noreturn void reset_chip(void);

/* ---- time.c: SysTick ---- */
void clock_init(void);
void isr_systick(void);

/* ---- fault.c ---- */
/* Read why the last run ended: a fault's note, else `otherwise`, which may be NULL. */
void fault_init(const char *otherwise);
_Noreturn void fault_report(const char *reason);
void isr_fault(void);
void isr_nmi(void); /* the family's: a watchdog's, or the same as isr_fault */

#endif
