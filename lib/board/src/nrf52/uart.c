/* UARTE0 (6.34). As a console, its DMA fills a ring of two halves, TIMER2 counts the bytes, and
 * the interrupt of each byte only wakes the CPU. For faults, printing waits until all is out. */
#include <string.h>

#include "../cortex_m/chip.h"
#include "../cortex_m/core.h"
#include "internal.h"
#include "nrf.h"
#include "pins.h"
#ifndef BOARD_USB
#include "../uart/uart.h"
#endif

enum { DISCONNECTED = -1, SEND = 64 /* bytes in one go */ };
#ifndef BOARD_BAUD
#define BOARD_BAUD 115200
#endif
#if BOARD_BAUD == 115200
#define BAUD_VALUE UARTE_BAUDRATE_BAUDRATE_Baud115200
#elif BOARD_BAUD == 921600
#define BAUD_VALUE UARTE_BAUDRATE_BAUDRATE_Baud921600 /* 941,176: 2.1 % more */
#elif BOARD_BAUD == 1000000
#define BAUD_VALUE UARTE_BAUDRATE_BAUDRATE_Baud1M
#else
#error "baud in the board's JSON: 115200, 921600 or 1000000"
#endif

#ifdef BOARD_PIN_UART_TX
static uint8_t outgoing[SEND]; /* EasyDMA reads from RAM alone */

static void connect(void) {
    NRF_UARTE0->ENABLE = 0;
    pin_output(BOARD_PIN_UART_TX, true);
    NRF_UARTE0->PSEL.TXD = BOARD_PIN_UART_TX;
    NRF_UARTE0->PSEL.RTS = NRF_UARTE0->PSEL.CTS = (uint32_t)DISCONNECTED;
#ifdef BOARD_PIN_UART_RX
    pin_input(BOARD_PIN_UART_RX, true);
    NRF_UARTE0->PSEL.RXD = BOARD_PIN_UART_RX;
#else
    NRF_UARTE0->PSEL.RXD = (uint32_t)DISCONNECTED;
#endif
    NRF_UARTE0->CONFIG = 0; /* 8 bits, no parity, no flow control */
    NRF_UARTE0->BAUDRATE = BAUD_VALUE;
    NRF_UARTE0->SHORTS = 0;
    NRF_UARTE0->INTEN = 0;
    NRF_UARTE0->ENABLE = UARTE_ENABLE_ENABLE_Enabled;
}

static void send(uint32_t size) {
    NRF_UARTE0->EVENTS_ENDTX = 0;
    NRF_UARTE0->TXD.PTR = (uint32_t)outgoing;
    NRF_UARTE0->TXD.MAXCNT = size;
    __DSB();
    NRF_UARTE0->TASKS_STARTTX = 1;
}

void console_print(const char *text) {
    connect();
    while (*text) {
        uint32_t size = 0;
        while (size < SEND && *text) {
            outgoing[size++] = (uint8_t)*text++;
        }
        send(size);
        while (!NRF_UARTE0->EVENTS_ENDTX) {
        }
    }
#ifdef BOARD_USB
    NRF_UARTE0->ENABLE = 0; /* it would draw current for nothing */
#endif
}
#else
void console_print(const char *text) {
    (void)text;
}
#endif

#ifndef BOARD_USB
enum { HALF = 1024, INCOMING = 2 * HALF }; /* a half is 10 ms at 1 Mbaud */
static uint8_t incoming[2][HALF];
static uint32_t begun; /* halves */
static uint32_t seen;  /* bytes taken out, or lost */
static bool sending_now;

static void give_next(void) {
    NRF_UARTE0->RXD.PTR = (uint32_t)incoming[begun % 2];
    NRF_UARTE0->RXD.MAXCNT = HALF;
}

void console_init(void) {
    connect();
    counter_start(COUNTER_BYTES, &NRF_UARTE0->EVENTS_RXDRDY);
    NRF_UARTE0->SHORTS = UARTE_SHORTS_ENDRX_STARTRX_Msk;
    NRF_UARTE0->INTEN = UARTE_INTEN_RXDRDY_Msk | UARTE_INTEN_ENDTX_Msk | UARTE_INTEN_ERROR_Msk |
                        UARTE_INTEN_RXSTARTED_Msk;
    begun = seen = 0;
    sending_now = false;
    give_next();
    NRF_UARTE0->TASKS_STARTRX = 1;
    interrupt_enable(UARTE0_UART0_IRQn);
}

static uint32_t receive(ring_t *received) {
    const uint32_t count = counter_read(COUNTER_BYTES);
    uint32_t lost = 0;
    if (count - seen > INCOMING) { /* the DMA has been round */
        seen = count;
        lost = 1;
    }
    while (seen != count && ring_room(received) > 0) {
        ring_put(received, incoming[seen / HALF % 2][seen % HALF]);
        seen++;
    }
    return lost;
}

uint32_t uart_pump(ring_t *received, ring_t *sending) {
    uint32_t lost = 0;
    NRF_UARTE0->EVENTS_RXDRDY = 0;
    if (NRF_UARTE0->EVENTS_RXSTARTED) {
        NRF_UARTE0->EVENTS_RXSTARTED = 0;
        begun++;
        give_next();
    }
    if (NRF_UARTE0->EVENTS_ERROR) {
        NRF_UARTE0->EVENTS_ERROR = 0;
        const uint32_t errors = NRF_UARTE0->ERRORSRC;
        NRF_UARTE0->ERRORSRC = errors;
        lost += (errors & UARTE_ERRORSRC_OVERRUN_Msk) != 0;
    }
    lost += receive(received);
    if (NRF_UARTE0->EVENTS_ENDTX) {
        NRF_UARTE0->EVENTS_ENDTX = 0;
        sending_now = false;
    }
    const uint32_t size = sending_now ? 0 : ring_read(sending, outgoing, SEND);
    if (size > 0) {
        sending_now = true;
        send(size);
    }
    return lost;
}
#endif
