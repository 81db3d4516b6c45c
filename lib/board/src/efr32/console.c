/* The console is EUSART 0 (chapter EUSART). The board's debugger turns it into a serial port on
 * USB. */
#include "../cortex_m/chip.h"
#include "../uart/uart.h"
#include "pins.h"

enum { OVERSAMPLING = 16, FIFO = 16 };

/* A divider of 1 + CLKDIV / 256, in steps of 1/32. */
#define EXACT (256ull * BOARD_CLOCK_HZ / (OVERSAMPLING * BOARD_BAUD) - 256 + 4)
#define DIVIDER (EXACT & _EUSART_CLKDIV_DIV_MASK)
#define ACTUAL_BAUD (256ull * BOARD_CLOCK_HZ / (OVERSAMPLING * (256ull + DIVIDER)))
_Static_assert(ACTUAL_BAUD * 1000 >= BOARD_BAUD * 995ull &&
                   ACTUAL_BAUD * 1000 <= BOARD_BAUD * 1005ull,
               "the baud rate in the board's JSON is off by more than 0.5 %");

static bool running;

static uint32_t fifo_free(void) {
    return FIFO - ((EUSART0->STATUS & _EUSART_STATUS_TXFCNT_MASK) >> _EUSART_STATUS_TXFCNT_SHIFT);
}

static bool can_receive(const ring_t *received) {
    return (EUSART0->STATUS & EUSART_STATUS_RXFL) && ring_room(received) > 0;
}

uint32_t uart_pump(ring_t *received, ring_t *sending) {
    uint32_t lost = 0;
    do { /* a byte that comes before its flag is cleared is still seen; a later one sets the flag
            again */
        while (can_receive(received)) {
            ring_put(received, (uint8_t)EUSART0->RXDATA);
        }
        const uint32_t flags = EUSART0->IF;
        reg_clear(&EUSART0->IF, flags);
        lost += flags & EUSART_IF_RXOF ? 1 : 0;
    } while (can_receive(received));
    for (uint32_t room = fifo_free(); room > 0 && ring_held(sending) > 0; room--) {
        EUSART0->TXDATA = ring_take(sending);
    }
    EUSART0->IEN = (ring_room(received) > 0 ? EUSART_IEN_RXFL : 0) |
                   (ring_held(sending) > 0 ? EUSART_IEN_TXFL : 0);
    return lost;
}

static void start_port(void) {
    reg_set(&CMU->CLKEN1, CMU_CLKEN1_EUSART0);
    pin_set(BOARD_PIN_CONSOLE_TX, true);
    pin_mode(BOARD_PIN_CONSOLE_TX, _GPIO_P_MODEL_MODE0_PUSHPULL);
    pin_mode(BOARD_PIN_CONSOLE_RX, _GPIO_P_MODEL_MODE0_INPUT);
    GPIO->EUSARTROUTE[0].TXROUTE = pin_route(BOARD_PIN_CONSOLE_TX);
    GPIO->EUSARTROUTE[0].RXROUTE = pin_route(BOARD_PIN_CONSOLE_RX);
    GPIO->EUSARTROUTE[0].ROUTEEN = GPIO_EUSART_ROUTEEN_TXPEN | GPIO_EUSART_ROUTEEN_RXPEN;
    EUSART0->CFG0 = EUSART_CFG0_OVS_X16;
    EUSART0->CFG1 = EUSART_CFG1_RXFIW_ONEFRAME | EUSART_CFG1_TXFIW_EIGHTFRAMES;
    EUSART0->FRAMECFG = EUSART_FRAMECFG_DATABITS_EIGHT | EUSART_FRAMECFG_STOPBITS_ONE;
    reg_set(&EUSART0->EN, EUSART_EN_EN);
    EUSART0->CLKDIV = (uint32_t)DIVIDER;
    reg_wait(&EUSART0->SYNCBUSY, EUSART_SYNCBUSY_DIV, 0);
    EUSART0->CMD = EUSART_CMD_RXEN | EUSART_CMD_TXEN;
    const uint32_t on = EUSART_STATUS_RXENS | EUSART_STATUS_TXENS;
    reg_wait(&EUSART0->STATUS, on, on);
    running = true;
}

void console_init(void) {
    start_port();
    isr_uart();
    interrupt_enable(EUSART0_RX_IRQn);
    interrupt_enable(EUSART0_TX_IRQn);
}

/* Nothing to say it with while the clocks are not there yet. */
void console_print(const char *text) {
    while (running && *text) {
        if (fifo_free() > 0) {
            EUSART0->TXDATA = (uint8_t)*text++;
        }
    }
    while (running && !(EUSART0->STATUS & EUSART_STATUS_TXIDLE)) {
    }
}
