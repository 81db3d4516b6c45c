/* LED by PWM0 (6.17). The eye sees roughly the square root of the light, so the duty cycle is
 * the square of the level. */
#include "../board.h"

#include "internal.h"
#include "nrf.h"
#include "pins.h"

enum { TOP = 0x7fff /* 488 Hz */, HIGH_FIRST = 0x8000 };

static uint16_t compare; /* EasyDMA reads it from RAM */

void led_init(void) {
    pin_output(BOARD_PIN_LED, BOARD_LED_ACTIVE_LOW);
    NRF_PWM0->PSEL.OUT[0] = BOARD_PIN_LED;
    NRF_PWM0->ENABLE = 1;
    NRF_PWM0->MODE = 0;      /* up */
    NRF_PWM0->PRESCALER = 0; /* 16 MHz */
    NRF_PWM0->COUNTERTOP = TOP;
    NRF_PWM0->LOOP = 0;
    NRF_PWM0->DECODER = 0; /* one value for all channels, loaded once a start */
    NRF_PWM0->SEQ[0].PTR = (uint32_t)&compare;
    NRF_PWM0->SEQ[0].CNT = 1;
    NRF_PWM0->SEQ[0].REFRESH = 0;
    NRF_PWM0->SEQ[0].ENDDELAY = 0;
    led_set(0);
}

void led_set(uint16_t level) {
    const uint32_t duty = ((uint32_t)level * level + 0xffff) >> 16;
    const uint16_t next = (uint16_t)(duty >> 1 | (BOARD_LED_ACTIVE_LOW ? 0 : HIGH_FIRST));
    static bool started;
    if (next != compare || !started) { /* apps set it every turn */
        started = true;
        compare = next;
        __DSB();
        NRF_PWM0->TASKS_SEQSTART[0] = 1;
    }
}
