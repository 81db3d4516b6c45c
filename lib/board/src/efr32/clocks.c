/* Crystal -> digital PLL -> core and peripherals. Chapters CMU, HFXO, HFRCO and DPLL. Dividers and
 * the flash's wait state come before the faster clock. */
#include "internal.h"
#include "registers.h"

_Static_assert((uint64_t)CRYSTAL_HZ *PLL_TIMES == (uint64_t)BOARD_CLOCK_HZ * PLL_OVER,
               "f_cpu in the board's JSON is not what the PLL makes");

/* Load capacitors: the value that production measured for this board, or the one in its JSON.
 * The chip's own load at XO is 40 steps smaller. */
#define PRODUCTION_CTUNE (*(const volatile uint16_t *)0x0fe00100u) /* in the user data page */
enum { NO_TOKEN = 0xffff, XO_MORE = 40, MOST = 255 };

/* HFRCO's settings for 72.6 to 80 MHz, its tuning apart. */
enum { BAND = 16 };
#define BAND_SETTINGS 0xccf09f00u

static void start_crystal(void) {
    reg_set(&HFXO0->CTRL, HFXO_CTRL_DISONDEMAND | HFXO_CTRL_DISONDEMANDBUFOUT);
    reg_clear(&HFXO0->CTRL, HFXO_CTRL_FORCEEN);
    reg_wait(&HFXO0->STATUS, HFXO_STATUS_ENS | HFXO_STATUS_SYNCBUSY, 0);
    const uint32_t token = PRODUCTION_CTUNE;
    const uint32_t xi = token != NO_TOKEN ? token & MOST : BOARD_CRYSTAL_CTUNE;
    const uint32_t xo = xi + XO_MORE < MOST ? xi + XO_MORE : MOST;
    const uint32_t fields = _HFXO_XTALCTRL_CTUNEXIANA_MASK | _HFXO_XTALCTRL_CTUNEXOANA_MASK;
    HFXO0->XTALCTRL = (HFXO0->XTALCTRL & ~fields) | xi << _HFXO_XTALCTRL_CTUNEXIANA_SHIFT |
                      xo << _HFXO_XTALCTRL_CTUNEXOANA_SHIFT;
    reg_clear(&HFXO0->CTRL, HFXO_CTRL_DISONDEMAND);
    reg_set(&HFXO0->CTRL, HFXO_CTRL_FORCEEN);
    const uint32_t ready = HFXO_STATUS_RDY | HFXO_STATUS_COREBIASOPTRDY | HFXO_STATUS_ENS;
    reg_wait(&HFXO0->STATUS, ready, ready);
}

static void lock_pll(void) {
    enum { ENDED = DPLL_IF_LOCK | DPLL_IF_LOCKFAILLOW | DPLL_IF_LOCKFAILHIGH };
    const uint32_t tuning = DEVINFO->HFRCODPLLCAL[BAND].HFRCODPLLCAL & _HFRCO_CAL_TUNING_MASK;
    do {
        reg_clear(&DPLL0->EN, DPLL_EN_EN);
        reg_wait(&DPLL0->EN, DPLL_EN_DISABLING, 0);
        reg_wait(&HFRCO0->STATUS, HFRCO_STATUS_SYNCBUSY | HFRCO_STATUS_FREQBSY, 0);
        HFRCO0->CAL = BAND_SETTINGS | tuning;
        CMU->DPLLREFCLKCTRL = CMU_DPLLREFCLKCTRL_CLKSEL_HFXO;
        DPLL0->CFG1 = (PLL_TIMES - 1u) << _DPLL_CFG1_N_SHIFT | (PLL_OVER - 1u)
                                                                   << _DPLL_CFG1_M_SHIFT;
        DPLL0->CFG = DPLL_CFG_AUTORECOVER; /* frequency lock, falling edges */
        reg_clear(&DPLL0->IF, ENDED);
        reg_set(&DPLL0->EN, DPLL_EN_EN);
        while (!(DPLL0->IF & ENDED)) {
        }
    } while (!(DPLL0->IF & DPLL_IF_LOCK));
}

void clocks_init(void) {
    reg_set(&CMU->CLKEN0, CMU_CLKEN0_HFXO0 | CMU_CLKEN0_HFRCO0 | CMU_CLKEN0_DPLL0 |
                              CMU_CLKEN0_LFRCO | CMU_CLKEN0_GPIO);
    reg_set(&CMU->CLKEN1, CMU_CLKEN1_MSC);
    CMU->SYSCLKCTRL = CMU_SYSCLKCTRL_CLKSEL_FSRCO; /* a bootloader may have left another */
    start_crystal();
    lock_pll();
    MSC->LOCK = MSC_LOCK_LOCKKEY_UNLOCK;
    MSC->READCTRL = (MSC->READCTRL & ~_MSC_READCTRL_MODE_MASK) | MSC_READCTRL_MODE_WS1;
    const uint32_t dividers = CMU_SYSCLKCTRL_HCLKPRESC_DIV1 | CMU_SYSCLKCTRL_PCLKPRESC_DIV2 |
                              CMU_SYSCLKCTRL_RHCLKPRESC_DIV2;
    CMU->SYSCLKCTRL = CMU_SYSCLKCTRL_CLKSEL_FSRCO | dividers;
    CMU->SYSCLKCTRL = CMU_SYSCLKCTRL_CLKSEL_HFRCODPLL | dividers;
    CMU->EM01GRPACLKCTRL = CMU_EM01GRPACLKCTRL_CLKSEL_HFRCODPLL; /* timers */
    CMU->EM01GRPCCLKCTRL = CMU_EM01GRPCCLKCTRL_CLKSEL_HFRCODPLL;
    CMU->EUSART0CLKCTRL = CMU_EUSART0CLKCTRL_CLKSEL_EM01GRPCCLK;
    CMU->WDOGLOCK = CMU_WDOGLOCK_LOCKKEY_UNLOCK;
    CMU->WDOG0CLKCTRL = CMU_WDOG0CLKCTRL_CLKSEL_LFRCO;
}
