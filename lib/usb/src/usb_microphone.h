/* A USB microphone (USB Audio 2.0): 16 kHz, 16 bit, mono, with mute and volume. For the main loop.
 */
#ifndef OTOLITH_USB_MICROPHONE_H
#define OTOLITH_USB_MICROPHONE_H

#include <stdbool.h>
#include <stdint.h>

#include "usb_microphone_sizes.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef USB_MICROPHONE_ENDPOINT_NUMBER /* some chips have one endpoint for isochronous transfers   \
                                        */
#define USB_MICROPHONE_ENDPOINT_NUMBER 1
#endif
/* Interfaces and endpoint, as the descriptors number them. */
enum {
    USB_MICROPHONE_CONTROL = 0,
    USB_MICROPHONE_STREAM = 1,
    USB_MICROPHONE_ENDPOINT = 0x80 | USB_MICROPHONE_ENDPOINT_NUMBER,
};
/* Units of the audio function. */
enum {
    USB_MICROPHONE_INPUT = 1,
    USB_MICROPHONE_VOLUME,
    USB_MICROPHONE_OUTPUT,
    USB_MICROPHONE_CLOCK,
};

/* Send samples. Mute and volume are applied to them in place. They are dropped while no program on
 * the host records. */
void usb_microphone_write(int16_t *pcm, uint32_t samples);

/* Whether a program on the host records. */
bool usb_microphone_streaming(void);

/* What the host has set: mute, and volume in 1/256 dB. */
bool usb_microphone_muted(void);
int32_t usb_microphone_volume(void);

/* Counts since the start. */
uint32_t usb_microphone_packets(void);   /* with samples */
uint32_t usb_microphone_lost(void);      /* samples that the host did not fetch in time */
uint32_t usb_microphone_underruns(void); /* times that no samples were ready for the host */

#ifdef __cplusplus
}
#endif
#endif
