/* The FPGA's first user LED, on or off. */
#include "../board.h"

#include "registers.h"

void led_set(uint16_t level) {
    FPGAIO_LEDS = level > UINT16_MAX / 2;
}
