/* The registers used here. UART and watchdog are described in the Cortex-M System Design Kit TRM
 * (Arm DDI 0479), their places and the FPGA's I/O registers in application notes AN386 (Arm DAI
 * 0386) and AN505 (Arm DAI 0505). The addresses come from the board's JSON as BOARD_* macros. */
#ifndef OTOLITH_MPS2_REGISTERS_H
#define OTOLITH_MPS2_REGISTERS_H

#include "../cortex_m/core.h"

/* ---- CMSDK APB UART ---- */
typedef struct {
    reg_t data, state, control;
    reg_t interrupts; /* read: which are there; write 1: clear */
    reg_t divider;
} uart_t;
#define UART ((uart_t *)BOARD_UART0)
enum { UART_TX_FULL = 1 << 0, UART_RX_FULL = 1 << 1, UART_RX_OVERRUN = 1 << 3 }; /* state */
enum {                                                                           /* control */
       UART_TX_ENABLE = 1 << 0,
       UART_RX_ENABLE = 1 << 1,
       UART_TX_INTERRUPT = 1 << 2,
       UART_RX_INTERRUPT = 1 << 3,
};
enum { UART_INTERRUPTS = 3 };

/* ---- CMSDK APB watchdog: NMI when it runs out, a reset when it runs out again ---- */
typedef struct {
    reg_t load, value, control;
    reg_t clear; /* any write: start anew from load */
    reg_t reserved[(0xc00 - 0x10) / 4];
    reg_t lock;
} watchdog_t;
#define WATCHDOG ((watchdog_t *)BOARD_WATCHDOG)
enum { WATCHDOG_NMI = 1 << 0, WATCHDOG_RESET = 1 << 1 }; /* control */
#define WATCHDOG_KEY 0x1acce551u

/* ---- FPGA I/O ---- */
#define FPGAIO_LEDS (*(reg_t *)BOARD_FPGAIO)

#endif
