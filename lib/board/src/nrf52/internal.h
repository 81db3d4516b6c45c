/* Shared by the files of this folder. */
#ifndef OTOLITH_NRF52_INTERNAL_H
#define OTOLITH_NRF52_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

void crystals_start(void); /* clocks.c */
void led_init(void);       /* led.c */
void usb_power_init(void); /* usb_port.c */

/* Whether there is anything to do before sleeping. Called with interrupts off. */
bool microphone_pending(void);

/* Counters that events feed by themselves (counter.c). */
enum { COUNTER_BLOCKS, COUNTER_BYTES };
void counter_start(uint32_t which, volatile uint32_t *event);
uint32_t counter_read(uint32_t which);

/* Exceptions, as vectors.c has them. */
enum { NRF_INTERRUPTS = 48 };
void isr_power(void);
void isr_timer(void);
void isr_microphone(void);
void isr_usb(void);

#endif
