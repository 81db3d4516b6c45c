/* The nRF52840's registers that are used here, under Nordic's names. Addresses, offsets and
 * fields are from the nRF52840 Product Specification v1.11; chapters are named below. With
 * NRFX_PATH the build uses Nordic's own nrf.h (MDK) instead. */
#ifndef OTOLITH_NRF_H
#define OTOLITH_NRF_H

#include <stdint.h>

typedef enum { /* 4.3, interrupt numbers: bits 12 to 19 of the peripheral's address */
               POWER_CLOCK_IRQn = 0,
               CLOCK_POWER_IRQn = 0, /* its newer name */
               UARTE0_UART0_IRQn = 2,
               UART0_UARTE0_IRQn = 2,
               TIMER0_IRQn = 8,
               PDM_IRQn = 29,
               I2S_IRQn = 37,
               FPU_IRQn = 38,
               USBD_IRQn = 39,
} IRQn_Type;

#define __NVIC_PRIO_BITS 3
#define __FPU_PRESENT 1
#include "core_cm4.h"

#define NRF52_SERIES
/* The MDK version whose names these are; TinyUSB uses it to tell nrfx's generations apart. */
#define MDK_MAJOR_VERSION 8
#define MDK_MINOR_VERSION 60
#define MDK_MICRO_VERSION 0

/* A register at its offset in the manual's table; a peripheral is a union of such structs. */
#define NRF_AT(offset, field)                                                                      \
    struct {                                                                                       \
        uint8_t before_##offset[offset];                                                           \
        field;                                                                                     \
    }

/* ---- 5.4 CLOCK, 5.3 POWER (one peripheral) ---- */
typedef union {
    NRF_AT(0x000, __OM uint32_t TASKS_HFCLKSTART);
    NRF_AT(0x004, __OM uint32_t TASKS_HFCLKSTOP);
    NRF_AT(0x008, __OM uint32_t TASKS_LFCLKSTART);
    NRF_AT(0x100, __IOM uint32_t EVENTS_HFCLKSTARTED);
    NRF_AT(0x104, __IOM uint32_t EVENTS_LFCLKSTARTED);
    NRF_AT(0x40c, __IM uint32_t HFCLKSTAT);
    NRF_AT(0x418, __IM uint32_t LFCLKSTAT);
    NRF_AT(0x518, __IOM uint32_t LFCLKSRC);
} NRF_CLOCK_Type;
#define NRF_CLOCK ((NRF_CLOCK_Type *)0x40000000u)
#define CLOCK_HFCLKSTAT_SRC_Msk (1u << 0)
#define CLOCK_HFCLKSTAT_STATE_Msk (1u << 16)
#define CLOCK_LFCLKSTAT_STATE_Msk (1u << 16)
#define CLOCK_LFCLKSRC_SRC_RC 0u
#define CLOCK_LFCLKSRC_SRC_Xtal 1u

typedef union {
    NRF_AT(0x11c, __IOM uint32_t EVENTS_USBDETECTED);
    NRF_AT(0x120, __IOM uint32_t EVENTS_USBREMOVED);
    NRF_AT(0x124, __IOM uint32_t EVENTS_USBPWRRDY);
    NRF_AT(0x304, __IOM uint32_t INTENSET);
    NRF_AT(0x308, __IOM uint32_t INTENCLR);
    NRF_AT(0x400, __IOM uint32_t RESETREAS);
    NRF_AT(0x438, __IM uint32_t USBREGSTATUS);
    NRF_AT(0x51c, __IOM uint32_t GPREGRET);
} NRF_POWER_Type;
#define NRF_POWER ((NRF_POWER_Type *)0x40000000u)
#define POWER_INTENSET_USBDETECTED_Msk (1u << 7)
#define POWER_INTENSET_USBREMOVED_Msk (1u << 8)
#define POWER_INTENSET_USBPWRRDY_Msk (1u << 9)
#define POWER_RESETREAS_DOG_Msk (1u << 1)
#define POWER_USBREGSTATUS_VBUSDETECT_Msk (1u << 0)
#define POWER_USBREGSTATUS_OUTPUTRDY_Msk (1u << 1)

/* ---- 4.2 NVMC, 4.4 FICR ---- */
typedef union {
    NRF_AT(0x540, __IOM uint32_t ICACHECNF);
} NRF_NVMC_Type;
#define NRF_NVMC ((NRF_NVMC_Type *)0x4001e000u)
#define NVMC_ICACHECNF_CACHEEN_Enabled 1u

typedef union {
    NRF_AT(0x060, __IM uint32_t DEVICEID[2]);
} NRF_FICR_Type;
#define NRF_FICR ((NRF_FICR_Type *)0x10000000u)

/* ---- 6.9 GPIO ---- */
typedef union {
    NRF_AT(0x508, __IOM uint32_t OUTSET);
    NRF_AT(0x50c, __IOM uint32_t OUTCLR);
    NRF_AT(0x700, __IOM uint32_t PIN_CNF[32]);
} NRF_GPIO_Type;
#define NRF_P0 ((NRF_GPIO_Type *)0x50000000u)
#define NRF_P1 ((NRF_GPIO_Type *)0x50000300u)
#define GPIO_PIN_CNF_DIR_Output (1u)
#define GPIO_PIN_CNF_DIR_Pos 0
#define GPIO_PIN_CNF_INPUT_Disconnect (1u)
#define GPIO_PIN_CNF_INPUT_Pos 1
#define GPIO_PIN_CNF_PULL_Pullup (3u)
#define GPIO_PIN_CNF_PULL_Pos 2

/* ---- 6.10 GPIOTE ---- */
typedef union {
    NRF_AT(0x000, __OM uint32_t TASKS_OUT[8]);
    NRF_AT(0x100, __IOM uint32_t EVENTS_IN[8]);
    NRF_AT(0x510, __IOM uint32_t CONFIG[8]);
} NRF_GPIOTE_Type;
#define NRF_GPIOTE ((NRF_GPIOTE_Type *)0x40006000u)
#define GPIOTE_CONFIG_MODE_Event 1u
#define GPIOTE_CONFIG_MODE_Task 3u
#define GPIOTE_CONFIG_MODE_Pos 0
#define GPIOTE_CONFIG_PSEL_Pos 8 /* and the port above it */
#define GPIOTE_CONFIG_POLARITY_HiToLo 2u
#define GPIOTE_CONFIG_POLARITY_Toggle 3u
#define GPIOTE_CONFIG_POLARITY_Pos 16
#define GPIOTE_CONFIG_OUTINIT_High 1u
#define GPIOTE_CONFIG_OUTINIT_Pos 20

/* ---- 6.12 I2S ---- */
typedef struct {
    __IOM uint32_t MODE, RXEN, TXEN, MCKEN, MCKFREQ, RATIO, SWIDTH, ALIGN, FORMAT, CHANNELS;
} nrf_i2s_config_t;
typedef struct {
    __IOM uint32_t PTR;
} nrf_i2s_ptr_t;
typedef struct {
    __IOM uint32_t MAXCNT;
} nrf_i2s_rxtxd_t;
typedef struct {
    __IOM uint32_t MCK, SCK, LRCK, SDIN, SDOUT;
} nrf_i2s_psel_t;
typedef union {
    NRF_AT(0x000, __OM uint32_t TASKS_START);
    NRF_AT(0x004, __OM uint32_t TASKS_STOP);
    NRF_AT(0x104, __IOM uint32_t EVENTS_RXPTRUPD);
    NRF_AT(0x108, __IOM uint32_t EVENTS_STOPPED);
    NRF_AT(0x300, __IOM uint32_t INTEN);
    NRF_AT(0x500, __IOM uint32_t ENABLE);
    NRF_AT(0x504, nrf_i2s_config_t CONFIG);
    NRF_AT(0x538, nrf_i2s_ptr_t RXD);
    NRF_AT(0x550, nrf_i2s_rxtxd_t RXTXD);
    NRF_AT(0x560, nrf_i2s_psel_t PSEL);
} NRF_I2S_Type;
#define NRF_I2S ((NRF_I2S_Type *)0x40025000u)
#define I2S_CONFIG_MCKFREQ_MCKFREQ_32MDIV31 0x08400000u
#define I2S_CONFIG_RATIO_RATIO_32X 0u
#define I2S_CONFIG_SWIDTH_SWIDTH_16Bit 1u
#define I2S_CONFIG_CHANNELS_CHANNELS_Stereo 0u
#define I2S_INTEN_RXPTRUPD_Msk (1u << 1)

/* ---- 6.16 PPI ---- */
typedef struct {
    __IOM uint32_t EEP, TEP;
} nrf_ppi_ch_t;
typedef union {
    NRF_AT(0x504, __IOM uint32_t CHENSET);
    NRF_AT(0x508, __IOM uint32_t CHENCLR);
    NRF_AT(0x510, nrf_ppi_ch_t CH[20]);
} NRF_PPI_Type;
#define NRF_PPI ((NRF_PPI_Type *)0x4001f000u)

/* ---- 6.30 TIMER ---- */
typedef union {
    NRF_AT(0x000, __OM uint32_t TASKS_START);
    NRF_AT(0x004, __OM uint32_t TASKS_STOP);
    NRF_AT(0x008, __OM uint32_t TASKS_COUNT);
    NRF_AT(0x00c, __OM uint32_t TASKS_CLEAR);
    NRF_AT(0x040, __OM uint32_t TASKS_CAPTURE[6]);
    NRF_AT(0x140, __IOM uint32_t EVENTS_COMPARE[6]);
    NRF_AT(0x304, __IOM uint32_t INTENSET);
    NRF_AT(0x308, __IOM uint32_t INTENCLR);
    NRF_AT(0x504, __IOM uint32_t MODE);
    NRF_AT(0x508, __IOM uint32_t BITMODE);
    NRF_AT(0x510, __IOM uint32_t PRESCALER);
    NRF_AT(0x540, __IOM uint32_t CC[6]);
} NRF_TIMER_Type;
#define NRF_TIMER0 ((NRF_TIMER_Type *)0x40008000u)
#define NRF_TIMER1 ((NRF_TIMER_Type *)0x40009000u)
#define NRF_TIMER2 ((NRF_TIMER_Type *)0x4000a000u)
#define TIMER_MODE_MODE_Timer 0u
#define TIMER_MODE_MODE_Counter 1u
#define TIMER_BITMODE_BITMODE_32Bit 3u
#define TIMER_INTENSET_COMPARE0_Msk (1u << 16)

/* ---- 6.36 WDT ---- */
typedef union {
    NRF_AT(0x000, __OM uint32_t TASKS_START);
    NRF_AT(0x400, __IM uint32_t RUNSTATUS);
    NRF_AT(0x504, __IOM uint32_t CRV);
    NRF_AT(0x508, __IOM uint32_t RREN);
    NRF_AT(0x50c, __IOM uint32_t CONFIG);
    NRF_AT(0x600, __OM uint32_t RR[8]);
} NRF_WDT_Type;
#define NRF_WDT ((NRF_WDT_Type *)0x40010000u)
#define WDT_CONFIG_SLEEP_Run 1u
#define WDT_CONFIG_SLEEP_Pos 0
#define WDT_RR_RR_Reload 0x6e524635u

/* ---- 6.15 PDM ---- */
typedef struct {
    __IOM uint32_t PTR, MAXCNT;
} nrf_pdm_sample_t;
typedef struct {
    __IOM uint32_t CLK, DIN;
} nrf_pdm_psel_t;
typedef union {
    NRF_AT(0x000, __OM uint32_t TASKS_START);
    NRF_AT(0x004, __OM uint32_t TASKS_STOP);
    NRF_AT(0x100, __IOM uint32_t EVENTS_STARTED);
    NRF_AT(0x104, __IOM uint32_t EVENTS_STOPPED);
    NRF_AT(0x108, __IOM uint32_t EVENTS_END);
    NRF_AT(0x300, __IOM uint32_t INTEN);
    NRF_AT(0x500, __IOM uint32_t ENABLE);
    NRF_AT(0x504, __IOM uint32_t PDMCLKCTRL);
    NRF_AT(0x508, __IOM uint32_t MODE);
    NRF_AT(0x518, __IOM uint32_t GAINL);
    NRF_AT(0x51c, __IOM uint32_t GAINR);
    NRF_AT(0x520, __IOM uint32_t RATIO);
    NRF_AT(0x540, nrf_pdm_psel_t PSEL);
    NRF_AT(0x560, nrf_pdm_sample_t SAMPLE);
} NRF_PDM_Type;
#define NRF_PDM ((NRF_PDM_Type *)0x4001d000u)
#define PDM_PDMCLKCTRL_FREQ_1280K 0x0a000000u
#define PDM_MODE_OPERATION_Mono (1u << 0)
#define PDM_MODE_EDGE_LeftFalling 0u
#define PDM_MODE_EDGE_Pos 1
#define PDM_RATIO_RATIO_Ratio80 1u
#define PDM_GAINL_GAINL_DefaultGain 0x28u
#define PDM_INTEN_STARTED_Msk (1u << 0)

/* ---- 6.17 PWM ---- */
typedef struct {
    __IOM uint32_t OUT[4];
} nrf_pwm_psel_t;
typedef struct {
    __IOM uint32_t PTR, CNT, REFRESH, ENDDELAY;
    uint32_t reserved[4];
} nrf_pwm_seq_t;
typedef union {
    NRF_AT(0x008, __OM uint32_t TASKS_SEQSTART[2]);
    NRF_AT(0x500, __IOM uint32_t ENABLE);
    NRF_AT(0x504, __IOM uint32_t MODE);
    NRF_AT(0x508, __IOM uint32_t COUNTERTOP);
    NRF_AT(0x50c, __IOM uint32_t PRESCALER);
    NRF_AT(0x510, __IOM uint32_t DECODER);
    NRF_AT(0x514, __IOM uint32_t LOOP);
    NRF_AT(0x520, nrf_pwm_seq_t SEQ[2]);
    NRF_AT(0x560, nrf_pwm_psel_t PSEL);
} NRF_PWM_Type;
#define NRF_PWM0 ((NRF_PWM_Type *)0x4001c000u)

/* ---- 6.34 UARTE ---- */
typedef struct {
    __IOM uint32_t PTR, MAXCNT;
    __IM uint32_t AMOUNT;
} nrf_uarte_txd_t;
typedef struct {
    __IOM uint32_t PTR, MAXCNT;
    __IM uint32_t AMOUNT;
} nrf_uarte_rxd_t;
typedef struct {
    __IOM uint32_t RTS, TXD, CTS, RXD;
} nrf_uarte_psel_t;
typedef union {
    NRF_AT(0x000, __OM uint32_t TASKS_STARTRX);
    NRF_AT(0x008, __OM uint32_t TASKS_STARTTX);
    NRF_AT(0x108, __IOM uint32_t EVENTS_RXDRDY);
    NRF_AT(0x120, __IOM uint32_t EVENTS_ENDTX);
    NRF_AT(0x124, __IOM uint32_t EVENTS_ERROR);
    NRF_AT(0x14c, __IOM uint32_t EVENTS_RXSTARTED);
    NRF_AT(0x200, __IOM uint32_t SHORTS);
    NRF_AT(0x300, __IOM uint32_t INTEN);
    NRF_AT(0x480, __IOM uint32_t ERRORSRC);
    NRF_AT(0x500, __IOM uint32_t ENABLE);
    NRF_AT(0x508, nrf_uarte_psel_t PSEL);
    NRF_AT(0x524, __IOM uint32_t BAUDRATE);
    NRF_AT(0x534, nrf_uarte_rxd_t RXD);
    NRF_AT(0x544, nrf_uarte_txd_t TXD);
    NRF_AT(0x56c, __IOM uint32_t CONFIG);
} NRF_UARTE_Type;
#define NRF_UARTE0 ((NRF_UARTE_Type *)0x40002000u)
#define UARTE_ENABLE_ENABLE_Enabled 8u
#define UARTE_BAUDRATE_BAUDRATE_Baud115200 0x01d60000u
#define UARTE_BAUDRATE_BAUDRATE_Baud921600 0x0f000000u
#define UARTE_BAUDRATE_BAUDRATE_Baud1M 0x10000000u
#define UARTE_SHORTS_ENDRX_STARTRX_Msk (1u << 5)
#define UARTE_INTEN_RXDRDY_Msk (1u << 2)
#define UARTE_INTEN_ENDTX_Msk (1u << 8)
#define UARTE_INTEN_ERROR_Msk (1u << 9)
#define UARTE_INTEN_RXSTARTED_Msk (1u << 19)
#define UARTE_ERRORSRC_OVERRUN_Msk (1u << 0)

/* ---- 6.35 USBD ---- */
typedef struct {
    __IOM uint32_t PTR, MAXCNT;
    __IM uint32_t AMOUNT;
    uint32_t reserved[2];
} nrf_usbd_endpoint_t;
typedef struct {
    __IOM uint32_t EPOUT[8];
    __IM uint32_t ISOOUT;
} nrf_usbd_size_t;
typedef union {
    NRF_AT(0x004, __OM uint32_t TASKS_STARTEPIN[8]);
    NRF_AT(0x024, __OM uint32_t TASKS_STARTISOIN);
    NRF_AT(0x028, __OM uint32_t TASKS_STARTEPOUT[8]);
    NRF_AT(0x048, __OM uint32_t TASKS_STARTISOOUT);
    NRF_AT(0x04c, __OM uint32_t TASKS_EP0RCVOUT);
    NRF_AT(0x050, __OM uint32_t TASKS_EP0STATUS);
    NRF_AT(0x054, __OM uint32_t TASKS_EP0STALL);
    NRF_AT(0x058, __OM uint32_t TASKS_DPDMDRIVE);
    NRF_AT(0x05c, __OM uint32_t TASKS_DPDMNODRIVE);
    NRF_AT(0x100, __IOM uint32_t EVENTS_USBRESET);
    NRF_AT(0x104, __IOM uint32_t EVENTS_STARTED);
    NRF_AT(0x108, __IOM uint32_t EVENTS_ENDEPIN[8]);
    NRF_AT(0x128, __IOM uint32_t EVENTS_EP0DATADONE);
    NRF_AT(0x12c, __IOM uint32_t EVENTS_ENDISOIN);
    NRF_AT(0x130, __IOM uint32_t EVENTS_ENDEPOUT[8]);
    NRF_AT(0x150, __IOM uint32_t EVENTS_ENDISOOUT);
    NRF_AT(0x154, __IOM uint32_t EVENTS_SOF);
    NRF_AT(0x158, __IOM uint32_t EVENTS_USBEVENT);
    NRF_AT(0x15c, __IOM uint32_t EVENTS_EP0SETUP);
    NRF_AT(0x160, __IOM uint32_t EVENTS_EPDATA);
    NRF_AT(0x300, __IOM uint32_t INTEN);
    NRF_AT(0x304, __IOM uint32_t INTENSET);
    NRF_AT(0x308, __IOM uint32_t INTENCLR);
    NRF_AT(0x400, __IOM uint32_t EVENTCAUSE);
    NRF_AT(0x468, __IOM uint32_t EPSTATUS);
    NRF_AT(0x46c, __IOM uint32_t EPDATASTATUS);
    NRF_AT(0x470, __IM uint32_t USBADDR);
    NRF_AT(0x480, __IM uint32_t BMREQUESTTYPE);
    NRF_AT(0x484, __IM uint32_t BREQUEST);
    NRF_AT(0x488, __IM uint32_t WVALUEL);
    NRF_AT(0x48c, __IM uint32_t WVALUEH);
    NRF_AT(0x490, __IM uint32_t WINDEXL);
    NRF_AT(0x494, __IM uint32_t WINDEXH);
    NRF_AT(0x498, __IM uint32_t WLENGTHL);
    NRF_AT(0x49c, __IM uint32_t WLENGTHH);
    NRF_AT(0x4a0, nrf_usbd_size_t SIZE);
    NRF_AT(0x500, __IOM uint32_t ENABLE);
    NRF_AT(0x504, __IOM uint32_t USBPULLUP);
    NRF_AT(0x508, __IOM uint32_t DPDMVALUE);
    NRF_AT(0x50c, __IOM uint32_t DTOGGLE);
    NRF_AT(0x510, __IOM uint32_t EPINEN);
    NRF_AT(0x514, __IOM uint32_t EPOUTEN);
    NRF_AT(0x518, __OM uint32_t EPSTALL);
    NRF_AT(0x51c, __IOM uint32_t ISOSPLIT);
    NRF_AT(0x520, __IM uint32_t FRAMECNTR);
    NRF_AT(0x52c, __IOM uint32_t LOWPOWER);
    NRF_AT(0x600, nrf_usbd_endpoint_t EPIN[8]);
    NRF_AT(0x6a0, nrf_usbd_endpoint_t ISOIN);
    NRF_AT(0x700, nrf_usbd_endpoint_t EPOUT[8]);
    NRF_AT(0x7a0, nrf_usbd_endpoint_t ISOOUT);
} NRF_USBD_Type;
#define NRF_USBD_BASE 0x40027000u
#define NRF_USBD ((NRF_USBD_Type *)NRF_USBD_BASE)
#define USBD_INTEN_USBRESET_Msk (1u << 0)
#define USBD_INTEN_ENDEPIN0_Pos 2
#define USBD_INTEN_ENDEPIN0_Msk (1u << USBD_INTEN_ENDEPIN0_Pos)
#define USBD_INTEN_EP0DATADONE_Msk (1u << 10)
#define USBD_INTEN_ENDISOIN_Msk (1u << 11)
#define USBD_INTENSET_ENDISOIN_Msk USBD_INTEN_ENDISOIN_Msk
#define USBD_INTENCLR_ENDISOIN_Msk USBD_INTEN_ENDISOIN_Msk
#define USBD_INTEN_ENDEPOUT0_Pos 12
#define USBD_INTEN_ENDEPOUT0_Msk (1u << USBD_INTEN_ENDEPOUT0_Pos)
#define USBD_INTEN_ENDISOOUT_Msk (1u << 20)
#define USBD_INTENSET_ENDISOOUT_Msk USBD_INTEN_ENDISOOUT_Msk
#define USBD_INTENCLR_ENDISOOUT_Msk USBD_INTEN_ENDISOOUT_Msk
#define USBD_INTEN_SOF_Msk (1u << 21)
#define USBD_INTENSET_SOF_Msk USBD_INTEN_SOF_Msk
#define USBD_INTENCLR_SOF_Msk USBD_INTEN_SOF_Msk
#define USBD_INTEN_USBEVENT_Msk (1u << 22)
#define USBD_INTEN_EP0SETUP_Msk (1u << 23)
#define USBD_INTEN_EPDATA_Pos 24
#define USBD_INTEN_EPDATA_Msk (1u << USBD_INTEN_EPDATA_Pos)
#define USBD_EVENTCAUSE_ISOOUTCRC_Msk (1u << 0)
#define USBD_EVENTCAUSE_SUSPEND_Msk (1u << 8)
#define USBD_EVENTCAUSE_RESUME_Msk (1u << 9)
#define USBD_EVENTCAUSE_USBWUALLOWED_Msk (1u << 10)
#define USBD_EVENTCAUSE_READY_Msk (1u << 11)
#define USBD_DPDMVALUE_STATE_Resume 1u
#define USBD_DTOGGLE_VALUE_Pos 8
#define USBD_DTOGGLE_VALUE_Data0 1u
#define USBD_EPINEN_ISOIN_Msk (1u << 8)
#define USBD_EPOUTEN_ISOOUT_Msk (1u << 8)
#define USBD_EPSTALL_STALL_Pos 8
#define USBD_EPSTALL_STALL_UnStall 0u
#define USBD_EPSTALL_STALL_Stall 1u
#define USBD_ISOSPLIT_SPLIT_OneDir 0x0000u
#define USBD_ISOSPLIT_SPLIT_HalfIN 0x0080u
#define USBD_SIZE_ISOOUT_ZERO_Msk (1u << 16)

#endif
