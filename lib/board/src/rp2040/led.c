/* LED by PWM. The eye sees roughly the square root of the light, so the duty cycle is the square
 * of the level. */
#include "../board.h"

#include "hardware/gpio.h"
#include "hardware/pwm.h"

#include "internal.h"

void led_init(void) {
    gpio_set_function(BOARD_PIN_LED, GPIO_FUNC_PWM);
    pwm_config config = pwm_get_default_config();
    pwm_config_set_wrap(&config, 0xfffe); /* a compare value of 0xffff is then 100 % */
#ifdef BOARD_LED_ACTIVE_LOW
    pwm_config_set_output_polarity(&config, true, true);
#endif
    pwm_init(pwm_gpio_to_slice_num(BOARD_PIN_LED), &config, true);
    led_set(0);
}

void led_set(uint16_t level) {
    const uint32_t duty = ((uint32_t)level * level + 0xffff) >> 16;
    pwm_set_gpio_level(BOARD_PIN_LED, (uint16_t)duty);
}
