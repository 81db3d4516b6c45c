/* USB power (5.3.1.8, 6.35.3): TinyUSB's driver must be told when VBUS appears, when the port's
 * own supply is ready, and when VBUS goes. */
#ifdef BOARD_USB
#include "usb_port.h"

#include "../cortex_m/core.h"
#include "internal.h"
#include "nrf.h"
#include "tusb.h"

void tusb_hal_nrf_power_event(uint32_t event);
enum { DETECTED, REMOVED, READY }; /* TinyUSB's numbers */

/* A packet stays in the endpoint's buffer until its frame, and the next one may be loaded
 * meanwhile (6.35.12). So none ever waits. */
bool usb_port_packet_waits(uint8_t endpoint) {
    (void)endpoint;
    return false;
}

/* ---- where TinyUSB 0.18's driver would wait for ever ---- */

/* TinyUSB's driver allows one DMA at a time and learns of its end by an interrupt. Closing an
 * endpoint would disable this interrupt even while its DMA runs, and no other would ever start.
 * So the interrupt stays enabled. */
#define ALL_ENDS                                                                                   \
    (0xffu * USBD_INTEN_ENDEPIN0_Msk | 0xffu * USBD_INTEN_ENDEPOUT0_Msk |                          \
     USBD_INTEN_ENDISOIN_Msk | USBD_INTEN_ENDISOOUT_Msk)

void __real_dcd_edpt_close(uint8_t port, uint8_t endpoint);
void __wrap_dcd_edpt_close(uint8_t port, uint8_t endpoint);
void __real_dcd_edpt_close_all(uint8_t port);
void __wrap_dcd_edpt_close_all(uint8_t port);

void __wrap_dcd_edpt_close(uint8_t port, uint8_t endpoint) {
    __real_dcd_edpt_close(port, endpoint);
    NRF_USBD->INTENSET = ALL_ENDS;
}

void __wrap_dcd_edpt_close_all(uint8_t port) {
    __real_dcd_edpt_close_all(port);
    NRF_USBD->INTENSET = ALL_ENDS;
}

/* After a request whose data never came, the driver would refuse the next one's status. Closing
 * endpoint 0 makes it forget; the endpoint stays open all the same. */
void usb_port_request_begins(void) {
    __wrap_dcd_edpt_close(0, 0x00);
    NRF_USBD->EPOUTEN |= 1;
}

/* ---- power ---- */

static void take(volatile uint32_t *event, uint32_t kind) {
    if (*event) {
        *event = 0;
        tusb_hal_nrf_power_event(kind);
    }
}

void isr_power(void) {
    take(&NRF_POWER->EVENTS_USBREMOVED, REMOVED);
    take(&NRF_POWER->EVENTS_USBDETECTED, DETECTED);
    take(&NRF_POWER->EVENTS_USBPWRRDY, READY);
}

void isr_usb(void) {
    tud_int_handler(0);
}

/* A boot loader may have left the port on; TinyUSB's driver would then wait for it to come up. */
static void forget_boot_loader(void) {
    NRF_USBD->USBPULLUP = 0;
    NRF_USBD->INTENCLR = ~0u;
    NRF_USBD->ENABLE = 0;
    NRF_POWER->INTENCLR = ~0u; /* the clocks' interrupts, too */
}

void usb_power_init(void) {
    const uint32_t interrupts = interrupts_off();
    forget_boot_loader();
    NRF_POWER->INTENSET = POWER_INTENSET_USBDETECTED_Msk | POWER_INTENSET_USBREMOVED_Msk |
                          POWER_INTENSET_USBPWRRDY_Msk;
    interrupt_enable(POWER_CLOCK_IRQn);
    /* VBUS that was there before the reset makes no event. New events stay pending. */
    const uint32_t there = NRF_POWER->USBREGSTATUS;
    if (there & POWER_USBREGSTATUS_VBUSDETECT_Msk) {
        tusb_hal_nrf_power_event(DETECTED);
    }
    if (there & POWER_USBREGSTATUS_OUTPUTRDY_Msk) {
        tusb_hal_nrf_power_event(READY);
    }
    interrupts_restore(interrupts);
}
#else
#include "internal.h"

void isr_power(void) {
}

void isr_usb(void) {
}

void usb_power_init(void) {
}
#endif
