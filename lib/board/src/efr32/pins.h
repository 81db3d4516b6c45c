/* Pins by port and number, as the board's JSON names them. */
#ifndef OTOLITH_EFR32_PINS_H
#define OTOLITH_EFR32_PINS_H

#include <stdbool.h>

#include "registers.h"

/* clang-format off */
typedef enum {
    PA0 = 0x00, PA1, PA2, PA3, PA4, PA5, PA6, PA7, PA8, PA9,
    PB0 = 0x10, PB1, PB2, PB3, PB4, PB5,
    PC0 = 0x20, PC1, PC2, PC3, PC4, PC5, PC6, PC7, PC8, PC9,
    PD0 = 0x30, PD1, PD2, PD3, PD4, PD5,
} pin_t;
/* clang-format on */

/* A pin for a peripheral's ...ROUTE registers: the port from bit 0, the pin from bit 16. */
static inline uint32_t pin_route(pin_t pin) {
    return (uint32_t)pin >> 4 | ((uint32_t)pin & 15) << 16;
}

/* mode: 0..15, the values of MODEn in GPIO_Px_MODEL */
void pin_mode(pin_t pin, uint32_t mode);
void pin_set(pin_t pin, bool high);

#endif
