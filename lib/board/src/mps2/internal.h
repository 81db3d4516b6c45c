/* What the files of this folder tell each other. */
#ifndef OTOLITH_MPS2_INTERNAL_H
#define OTOLITH_MPS2_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

void clock_init(void); /* time.c */
void fault_init(void); /* fault.c: reads why we are here */
_Noreturn void reset_chip(void);
void console_init(void);
bool console_pending(void); /* anything to do before sleeping? Asked with interrupts off */
void console_print(const char *text); /* waits until it is out; for faults */
/* Times that bytes were lost because none was taken for too long; for a debugger. */
uint32_t console_overruns(void);

/* Exceptions, as start.c's vector table has them. */
void isr_systick(void);
void isr_uart(void);
void isr_nmi(void);
void isr_fault(void);

#endif
