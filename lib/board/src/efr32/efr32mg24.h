/* The registers that this folder uses, under Silicon Labs' names, so that their own headers can
 * replace this one. Addresses, offsets and bits are from the EFR32xG24 Reference Manual;
 * chapters are given by title. All addresses are the secure ones. */
#ifndef OTOLITH_EFR32_EFR32MG24_H
#define OTOLITH_EFR32_EFR32MG24_H

#include <stdint.h>

typedef volatile uint32_t efr32_reg_t;

/* Interrupts (System Processor, NVIC). */
enum { EUSART0_RX_IRQn = 11, EUSART0_TX_IRQn = 12, LDMA_IRQn = 21 };

/* ---- CMU - Clock Management Unit ---- */
typedef struct {
    efr32_reg_t RESERVED0[5], WDOGLOCK, RESERVED7[19], CLKEN0, CLKEN1, RESERVED1, SYSCLKCTRL,
        RESERVED2[35], DPLLREFCLKCTRL, RESERVED3[7], EM01GRPACLKCTRL, RESERVED4, EM01GRPCCLKCTRL,
        RESERVED5[21], IADCCLKCTRL, RESERVED8[31], WDOG0CLKCTRL, RESERVED6[7], EUSART0CLKCTRL;
} CMU_TypeDef;
#define CMU ((CMU_TypeDef *)0x40008000u)
#define CMU_WDOGLOCK_LOCKKEY_UNLOCK 0x93f7u
#define CMU_CLKEN0_LDMA (1u << 0)
#define CMU_CLKEN0_LDMAXBAR (1u << 1)
#define CMU_CLKEN0_TIMER0 (1u << 4)
#define CMU_CLKEN0_USART0 (1u << 9)
#define CMU_CLKEN0_IADC0 (1u << 10)
#define CMU_CLKEN0_WDOG0 (1u << 13)
#define CMU_CLKEN0_DPLL0 (1u << 17)
#define CMU_CLKEN0_HFRCO0 (1u << 18)
#define CMU_CLKEN0_HFXO0 (1u << 20)
#define CMU_CLKEN0_LFRCO (1u << 22)
#define CMU_CLKEN0_GPIO (1u << 26)
#define CMU_CLKEN1_SMU (1u << 14)
#define CMU_CLKEN1_MSC (1u << 16)
#define CMU_CLKEN1_EUSART0 (1u << 22)
#define CMU_SYSCLKCTRL_CLKSEL_FSRCO 1u
#define CMU_SYSCLKCTRL_CLKSEL_HFRCODPLL 2u
#define CMU_SYSCLKCTRL_PCLKPRESC_DIV2 (1u << 10)
#define CMU_SYSCLKCTRL_HCLKPRESC_DIV1 (0u << 12)
#define CMU_SYSCLKCTRL_RHCLKPRESC_DIV2 (1u << 16)
#define CMU_DPLLREFCLKCTRL_CLKSEL_HFXO 1u
#define CMU_EM01GRPACLKCTRL_CLKSEL_HFRCODPLL 1u
#define CMU_EM01GRPCCLKCTRL_CLKSEL_HFRCODPLL 1u
#define CMU_IADCCLKCTRL_CLKSEL_EM01GRPACLK 1u
#define CMU_EUSART0CLKCTRL_CLKSEL_EM01GRPCCLK 1u
#define CMU_WDOG0CLKCTRL_CLKSEL_LFRCO 1u

/* ---- HFXO - High Frequency Crystal Oscillator ---- */
typedef struct {
    efr32_reg_t RESERVED0[6], XTALCTRL, RESERVED1[3], CTRL, RESERVED2[11], STATUS;
} HFXO_TypeDef;
#define HFXO0 ((HFXO_TypeDef *)0x4a004000u)
#define _HFXO_XTALCTRL_CTUNEXIANA_SHIFT 8
#define _HFXO_XTALCTRL_CTUNEXIANA_MASK 0x0000ff00u
#define _HFXO_XTALCTRL_CTUNEXOANA_SHIFT 16
#define _HFXO_XTALCTRL_CTUNEXOANA_MASK 0x00ff0000u
#define HFXO_CTRL_FORCEEN (1u << 16)
#define HFXO_CTRL_DISONDEMAND (1u << 24)
#define HFXO_CTRL_DISONDEMANDBUFOUT (1u << 26)
#define HFXO_STATUS_RDY (1u << 0)
#define HFXO_STATUS_COREBIASOPTRDY (1u << 1)
#define HFXO_STATUS_ENS (1u << 16)
#define HFXO_STATUS_SYNCBUSY (1u << 30)

/* ---- HFRCO - High Frequency RC Oscillator ---- */
typedef struct {
    efr32_reg_t RESERVED0[2], CAL, STATUS;
} HFRCO_TypeDef;
#define HFRCO0 ((HFRCO_TypeDef *)0x40010000u)
#define _HFRCO_CAL_TUNING_MASK 0x7fu
#define HFRCO_STATUS_FREQBSY (1u << 1)
#define HFRCO_STATUS_SYNCBUSY (1u << 2)

/* ---- DPLL - Digital Phased Locked Loop ---- */
typedef struct {
    efr32_reg_t RESERVED0, EN, CFG, CFG1, IF;
} DPLL_TypeDef;
#define DPLL0 ((DPLL_TypeDef *)0x4001c000u)
#define DPLL_EN_EN (1u << 0)
#define DPLL_EN_DISABLING (1u << 1)
#define DPLL_CFG_AUTORECOVER (1u << 2)
#define _DPLL_CFG1_M_SHIFT 0
#define _DPLL_CFG1_N_SHIFT 16
#define DPLL_IF_LOCK (1u << 0)
#define DPLL_IF_LOCKFAILLOW (1u << 1)
#define DPLL_IF_LOCKFAILHIGH (1u << 2)

/* ---- MSC - Memory System Controller ---- */
typedef struct {
    efr32_reg_t RESERVED0, READCTRL, RESERVED1[13], LOCK;
} MSC_TypeDef;
#define MSC ((MSC_TypeDef *)0x40030000u)
#define MSC_LOCK_LOCKKEY_UNLOCK 0x1b71u
#define _MSC_READCTRL_MODE_MASK (3u << 20)
#define MSC_READCTRL_MODE_WS1 (1u << 20)

/* ---- EMU - Energy Management Unit ---- */
typedef struct {
    efr32_reg_t RESERVED0[28], CMD, RESERVED1[8], RSTCAUSE;
} EMU_TypeDef;
#define EMU ((EMU_TypeDef *)0x40004000u)
#define EMU_CMD_RSTCAUSECLR (1u << 17)
#define EMU_RSTCAUSE_POR (1u << 0)
#define EMU_RSTCAUSE_WDOG0 (1u << 3)
#define EMU_RSTCAUSE_LOCKUP (1u << 5)

/* ---- SMU - Security Management Unit ---- */
typedef struct {
    efr32_reg_t RESERVED0[2], LOCK, RESERVED2[21], PPUSATD0, PPUSATD1, RESERVED1[66], BMPUSATD0;
} SMU_TypeDef;
#define SMU ((SMU_TypeDef *)0x44008000u)
#define SMU_LOCK_SMULOCKKEY_UNLOCK 0x00acce55u
#define _SMU_PPUSATD0_MASK 0xffffffffu
#define _SMU_PPUSATD1_MASK 0x003fffffu
#define _SMU_BMPUSATD0_MASK 0x000001ffu

/* ---- Device Information Page ---- */
typedef struct {
    efr32_reg_t HFRCODPLLCAL;
} DEVINFO_HFRCODPLLCAL_TypeDef;
typedef struct {
    efr32_reg_t RESERVED0[18], EUI64L, EUI64H, RESERVED1[2];
    DEVINFO_HFRCODPLLCAL_TypeDef HFRCODPLLCAL[18];
} DEVINFO_TypeDef;
#define DEVINFO ((const DEVINFO_TypeDef *)0x0fe08000u)

/* ---- GPIO - General Purpose Input/Output ---- */
typedef struct {
    efr32_reg_t RESERVED0, MODEL, RESERVED1, MODEH, DOUT, RESERVED2[7];
} GPIO_PORT_TypeDef;
typedef struct {
    efr32_reg_t ROUTEEN, CSROUTE, CTSROUTE, RTSROUTE, RXROUTE, SCLKROUTE, TXROUTE, RESERVED0;
} GPIO_EUSARTROUTE_TypeDef;
typedef struct {
    efr32_reg_t ROUTEEN, CC0ROUTE, RESERVED0[6];
} GPIO_TIMERROUTE_TypeDef;
typedef struct {
    efr32_reg_t ROUTEEN, CSROUTE, CTSROUTE, RTSROUTE, RXROUTE, CLKROUTE, TXROUTE, RESERVED0;
} GPIO_USARTROUTE_TypeDef;
typedef struct {
    efr32_reg_t RESERVED0[12];
    GPIO_PORT_TypeDef P[4];
    efr32_reg_t RESERVED1[140], ABUSALLOC, BBUSALLOC, CDBUSALLOC, RESERVED3[90];
    GPIO_EUSARTROUTE_TypeDef EUSARTROUTE[2];
    efr32_reg_t RESERVED2[107];
    GPIO_TIMERROUTE_TypeDef TIMERROUTE[5];
    GPIO_USARTROUTE_TypeDef USARTROUTE[1];
} GPIO_TypeDef;
#define GPIO ((GPIO_TypeDef *)0x4003c000u)
#define _GPIO_P_MODEL_MODE0_DISABLED 0u
#define _GPIO_P_MODEL_MODE0_INPUT 1u
#define _GPIO_P_MODEL_MODE0_PUSHPULL 4u
#define GPIO_ABUSALLOC_AEVEN0_ADC0 (1u << 0)
#define GPIO_ABUSALLOC_AODD0_ADC0 (1u << 16)
#define GPIO_BBUSALLOC_BEVEN0_ADC0 (1u << 0)
#define GPIO_BBUSALLOC_BODD0_ADC0 (1u << 16)
#define GPIO_CDBUSALLOC_CDEVEN0_ADC0 (1u << 0)
#define GPIO_CDBUSALLOC_CDODD0_ADC0 (1u << 16)
#define GPIO_EUSART_ROUTEEN_RXPEN (1u << 2)
#define GPIO_EUSART_ROUTEEN_TXPEN (1u << 4)
#define GPIO_TIMER_ROUTEEN_CC0PEN (1u << 0)
#define GPIO_USART_ROUTEEN_CSPEN (1u << 0)
#define GPIO_USART_ROUTEEN_RXPEN (1u << 2)
#define GPIO_USART_ROUTEEN_CLKPEN (1u << 3)

/* ---- EUSART - Enhanced Universal Synchronous/Asynchronous Receiver/Transmitter ---- */
typedef struct {
    efr32_reg_t RESERVED0, EN, CFG0, CFG1, RESERVED1, FRAMECFG, RESERVED2[6], CLKDIV, RESERVED3,
        CMD, RXDATA, RESERVED4, TXDATA, STATUS, IF, IEN, SYNCBUSY;
} EUSART_TypeDef;
#define EUSART0 ((EUSART_TypeDef *)0x4b010000u)
#define EUSART_EN_EN (1u << 0)
#define EUSART_CFG0_OVS_X16 (0u << 5)
#define EUSART_CFG1_TXFIW_EIGHTFRAMES (7u << 16)
#define EUSART_CFG1_RXFIW_ONEFRAME (0u << 27)
#define EUSART_FRAMECFG_DATABITS_EIGHT 2u
#define EUSART_FRAMECFG_STOPBITS_ONE (1u << 12)
#define _EUSART_CLKDIV_DIV_MASK 0x007ffff8u
#define EUSART_CMD_RXEN (1u << 0)
#define EUSART_CMD_TXEN (1u << 2)
#define EUSART_STATUS_RXENS (1u << 0)
#define EUSART_STATUS_TXENS (1u << 1)
#define EUSART_STATUS_RXFL (1u << 7)
#define EUSART_STATUS_TXIDLE (1u << 13)
#define _EUSART_STATUS_TXFCNT_SHIFT 16
#define _EUSART_STATUS_TXFCNT_MASK (31u << 16)
#define EUSART_IF_RXOF (1u << 4)
#define EUSART_IEN_TXFL (1u << 1)
#define EUSART_IEN_RXFL (1u << 2)
#define EUSART_SYNCBUSY_DIV (1u << 0)

/* ---- USART - Universal Synchronous/Asynchronous Receiver/Transmitter ---- */
typedef struct {
    efr32_reg_t RESERVED0, EN, CTRL, FRAME, RESERVED1, CMD, RESERVED2, CLKDIV, RESERVED3[3],
        RXDOUBLE, RESERVED4[6], IF, RESERVED5[2], I2SCTRL;
} USART_TypeDef;
#define USART0 ((USART_TypeDef *)0x4005c000u)
#define USART_EN_EN (1u << 0)
#define USART_CTRL_SYNC (1u << 0)
#define USART_CTRL_MSBF (1u << 10)
#define USART_CTRL_AUTOTX (1u << 29)
#define USART_FRAME_DATABITS_SIXTEEN 13u
#define USART_FRAME_STOPBITS_ONE (1u << 12)
#define USART_CMD_RXEN (1u << 0)
#define USART_CMD_RXDIS (1u << 1)
#define USART_CMD_TXEN (1u << 2)
#define USART_CMD_TXDIS (1u << 3)
#define USART_CMD_MASTEREN (1u << 4)
#define USART_CMD_CLEARTX (1u << 10)
#define USART_CMD_CLEARRX (1u << 11)
#define USART_IF_RXOF (1u << 4)
#define USART_I2SCTRL_EN (1u << 0)
#define USART_I2SCTRL_DMASPLIT (1u << 3)
#define USART_I2SCTRL_DELAY (1u << 4)
#define USART_I2SCTRL_FORMAT_W32D16 (3u << 8)

/* ---- IADC - Incremental Analog to Digital Converter ---- */
typedef struct {
    efr32_reg_t CFG, RESERVED0, SCALE, SCHED;
} IADC_CFG_TypeDef;
typedef struct {
    efr32_reg_t RESERVED0, EN, CTRL, CMD, TIMER, STATUS, RESERVED1[2], CMPTHR, IF, IEN, TRIGGER,
        RESERVED2[6];
    IADC_CFG_TypeDef CFG[2];
    efr32_reg_t RESERVED3[2], SINGLEFIFOCFG, SINGLEFIFODATA, SINGLEFIFOSTAT, RESERVED4[7], SINGLE;
} IADC_TypeDef;
#define IADC0 ((IADC_TypeDef *)0x49004000u)
#define IADC_EN_EN (1u << 0)
#define IADC_EN_DISABLING (1u << 1)
#define IADC_CTRL_WARMUPMODE_KEEPWARM (2u << 4)
#define _IADC_CTRL_TIMEBASE_SHIFT 16
#define IADC_CTRL_HSCLKRATE_DIV2 (1u << 28)
#define IADC_CMD_SINGLESTART (1u << 0)
#define IADC_CMD_SINGLESTOP (1u << 1)
#define IADC_CMD_TIMEREN (1u << 16)
#define IADC_CMD_TIMERDIS (1u << 17)
#define IADC_CMD_SINGLEFIFOFLUSH (1u << 24)
#define IADC_STATUS_SINGLEQUEUEPENDING (1u << 1)
#define IADC_STATUS_CONVERTING (1u << 6)
#define IADC_STATUS_SINGLEFIFOFLUSHING (1u << 14)
#define IADC_STATUS_TIMERACTIVE (1u << 16)
#define IADC_STATUS_SINGLEWRITEPENDING (1u << 20)
#define IADC_IF_SINGLEFIFOOF (1u << 16)
#define IADC_TRIGGER_SINGLETRIGSEL_TIMER (1u << 8)
#define IADC_TRIGGER_SINGLETRIGACTION_ONCE (0u << 12)
#define IADC_CFG_ADCMODE_NORMAL 0u
#define IADC_CFG_OSRHS_HISPD32 (4u << 2)
#define IADC_CFG_ANALOGGAIN_ANAGAIN1 (2u << 12)
#define IADC_CFG_REFSEL_VBGR (0u << 16)
#define IADC_CFG_TWOSCOMPL_FORCEUNIPOLAR (1u << 28)
#define _IADC_SCALE_OFFSET_MASK 0x0003ffffu
#define IADC_SCALE_GAIN3MSB_GAIN100 (1u << 31)
#define IADC_SINGLEFIFOCFG_ALIGNMENT_RIGHT16 1u
#define IADC_SINGLEFIFOCFG_DVL_VALID1 (0u << 4)
#define IADC_SINGLE_PORTNEG_GND (0u << 4)
#define _IADC_SINGLE_PINPOS_SHIFT 8
#define _IADC_SINGLE_PORTPOS_SHIFT 12
#define IADC_SINGLE_PORTPOS_PORTA (8u << 12)

/* ---- LDMA - Linked DMA; LDMAXBAR - LDMA Crossbar ---- */
typedef struct {
    efr32_reg_t RESERVED0, CFG, LOOP, CTRL, SRC, DST, LINK, RESERVED1[5];
} LDMA_CH_TypeDef;
typedef struct {
    efr32_reg_t RESERVED0, EN, CTRL, RESERVED1[7], CHDIS, RESERVED2, CHBUSY, CHDONE, RESERVED3[4],
        LINKLOAD, RESERVED4, IF, IEN;
    LDMA_CH_TypeDef CH[8];
} LDMA_TypeDef;
#define LDMA ((LDMA_TypeDef *)0x40040000u)
#define LDMA_EN_EN (1u << 0)
#define LDMA_IF_ERROR (1u << 31)
#define LDMA_IEN_ERROR (1u << 31)
#define LDMA_CH_CTRL_STRUCTTYPE_TRANSFER (0u << 0)
#define _LDMA_CH_CTRL_XFERCNT_SHIFT 4
#define LDMA_CH_CTRL_BLOCKSIZE_UNIT1 (0u << 16)
#define LDMA_CH_CTRL_DONEIEN (1u << 20)
#define LDMA_CH_CTRL_REQMODE_BLOCK (0u << 21)
#define LDMA_CH_CTRL_SRCINC_NONE (3u << 24)
#define LDMA_CH_CTRL_SIZE_HALFWORD (1u << 26)
#define LDMA_CH_CTRL_DSTINC_ONE (0u << 28)
#define LDMA_CH_CTRL_DSTINC_NONE (3u << 28)
typedef struct {
    efr32_reg_t REQSEL;
} LDMAXBAR_CH_TypeDef;
typedef struct {
    efr32_reg_t RESERVED0;
    LDMAXBAR_CH_TypeDef CH[8];
} LDMAXBAR_TypeDef;
#define LDMAXBAR ((LDMAXBAR_TypeDef *)0x40044000u)
#define LDMAXBAR_CH_REQSEL_SOURCESEL_USART0 (4u << 16)
#define LDMAXBAR_CH_REQSEL_SIGSEL_USART0RXDATAV 0u
#define LDMAXBAR_CH_REQSEL_SIGSEL_USART0RXDATAVRIGHT 1u
#define LDMAXBAR_CH_REQSEL_SOURCESEL_IADC0 (10u << 16)
#define LDMAXBAR_CH_REQSEL_SIGSEL_IADC0IADC_SINGLE 1u

/* ---- TIMER - Timer/Counter ---- */
typedef struct {
    efr32_reg_t CFG, CTRL, OC, RESERVED0, OCB, RESERVED1[3];
} TIMER_CC_TypeDef;
typedef struct {
    efr32_reg_t RESERVED0, CFG, CTRL, CMD, RESERVED1[3], TOP, RESERVED2[4], EN, RESERVED3[11];
    TIMER_CC_TypeDef CC[3];
} TIMER_TypeDef;
#define TIMER0 ((TIMER_TypeDef *)0x40048000u)
#define TIMER_CFG_MODE_UP 0u
#define TIMER_CMD_START (1u << 0)
#define TIMER_EN_EN (1u << 0)
#define TIMER_EN_DISABLING (1u << 1)
#define TIMER_CC_CFG_MODE_PWM 3u
#define TIMER_CC_CTRL_OUTINV (1u << 2)

/* ---- WDOG - Watchdog Timer ---- */
typedef struct {
    efr32_reg_t RESERVED0, EN, CFG, CMD, RESERVED1[5], SYNCBUSY;
} WDOG_TypeDef;
#define WDOG0 ((WDOG_TypeDef *)0x4b004000u)
#define WDOG_EN_EN (1u << 0)
#define WDOG_EN_DISABLING (1u << 1)
#define WDOG_CFG_EM1RUN (1u << 1)
#define _WDOG_CFG_PERSEL_SHIFT 16
#define WDOG_CMD_CLEAR (1u << 0)
#define WDOG_SYNCBUSY_CMD (1u << 0)

#endif
