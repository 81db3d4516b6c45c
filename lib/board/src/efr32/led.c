/* LED by PWM of timer 0 (chapter TIMER). The eye sees roughly the square root of the light, so
 * the duty cycle is the square of the level. */
#include "../board.h"

#include "internal.h"
#include "pins.h"

enum { TOP = 0xfffe }; /* a compare value of 0xffff is then 100 % */

void led_init(void) {
    reg_set(&CMU->CLKEN0, CMU_CLKEN0_TIMER0);
    reg_clear(&TIMER0->EN, TIMER_EN_EN);
    reg_wait(&TIMER0->EN, TIMER_EN_DISABLING, 0);
    TIMER0->CFG = TIMER_CFG_MODE_UP; /* 1.1 kHz */
    TIMER0->CC[0].CFG = TIMER_CC_CFG_MODE_PWM;
    reg_set(&TIMER0->EN, TIMER_EN_EN);
    TIMER0->CC[0].CTRL = BOARD_LED_ACTIVE_LOW ? TIMER_CC_CTRL_OUTINV : 0;
    TIMER0->TOP = TOP;
    led_set(0);
    TIMER0->CMD = TIMER_CMD_START;
    pin_mode(BOARD_PIN_LED, _GPIO_P_MODEL_MODE0_PUSHPULL);
    GPIO->TIMERROUTE[0].CC0ROUTE = pin_route(BOARD_PIN_LED);
    GPIO->TIMERROUTE[0].ROUTEEN = GPIO_TIMER_ROUTEEN_CC0PEN;
}

void led_set(uint16_t level) {
    TIMER0->CC[0].OCB = ((uint32_t)level * level + 0xffff) >> 16; /* from the next period on */
}
