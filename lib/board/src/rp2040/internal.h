/* Shared by the files of this folder. */
#ifndef OTOLITH_RP2040_INTERNAL_H
#define OTOLITH_RP2040_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

void clock_init(void);         /* time.c */
void fault_init(void);         /* fault.c: first of all, it reads why we are here */
void fault_expect_reset(void); /* what ends this run next is no fault */
void fault_watched(void);      /* the watchdog is on: its reset would be one */
void led_init(void);           /* led.c */
void stack_paint(void);        /* stack.c */

/* Whether there is anything to do before sleeping. Called with interrupts off. */
bool microphone_pending(void);

#endif
