#include "pins.h"

#include "nrf.h"

static NRF_GPIO_Type *port_of(uint32_t pin) {
    return pin < 32 ? NRF_P0 : NRF_P1;
}

void pin_output(uint32_t pin, bool high) {
    NRF_GPIO_Type *const port = port_of(pin);
    if (high) {
        port->OUTSET = 1u << pin % 32;
    } else {
        port->OUTCLR = 1u << pin % 32;
    }
    port->PIN_CNF[pin % 32] = GPIO_PIN_CNF_DIR_Output << GPIO_PIN_CNF_DIR_Pos |
                              GPIO_PIN_CNF_INPUT_Disconnect << GPIO_PIN_CNF_INPUT_Pos;
}

void pin_output_read(uint32_t pin) {
    port_of(pin)->PIN_CNF[pin % 32] = GPIO_PIN_CNF_DIR_Output << GPIO_PIN_CNF_DIR_Pos;
}

void pin_input(uint32_t pin, bool pull_up) {
    port_of(pin)->PIN_CNF[pin % 32] =
        pull_up ? GPIO_PIN_CNF_PULL_Pullup << GPIO_PIN_CNF_PULL_Pos : 0;
}
