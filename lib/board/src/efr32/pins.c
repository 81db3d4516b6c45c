#include "pins.h"

void pin_mode(pin_t pin, uint32_t mode) {
    GPIO_PORT_TypeDef *port = &GPIO->P[pin >> 4];
    const uint32_t number = pin & 15;
    reg_t *modes = number < 8 ? &port->MODEL : &port->MODEH;
    const uint32_t shift = 4 * (number % 8);
    *modes = (*modes & ~(15u << shift)) | mode << shift;
}

void pin_set(pin_t pin, bool high) {
    reg_t *out = &GPIO->P[pin >> 4].DOUT;
    const uint32_t bit = 1u << (pin & 15);
    if (high) {
        reg_set(out, bit);
    } else {
        reg_clear(out, bit);
    }
}
