/* A USB microphone (Audio Devices 2.0): 16 kHz, 16 bit, mono; mute and volume. For the main loop.
 */
#ifndef OTOLITH_USB_MICROPHONE_H
#define OTOLITH_USB_MICROPHONE_H

#include <stdbool.h>
#include <stdint.h>

#include "usb_microphone_sizes.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef USB_MICROPHONE_ENDPOINT_NUMBER /* for chips where isochronous transfers have their own */
#define USB_MICROPHONE_ENDPOINT_NUMBER 1
#endif
/* Numbers in the descriptors. */
enum {
    USB_MICROPHONE_CONTROL = 0,
    USB_MICROPHONE_STREAM = 1,
    USB_MICROPHONE_ENDPOINT = 0x80 | USB_MICROPHONE_ENDPOINT_NUMBER,
};
enum {
    USB_MICROPHONE_INPUT = 1,
    USB_MICROPHONE_VOLUME,
    USB_MICROPHONE_OUTPUT,
    USB_MICROPHONE_CLOCK,
};

/* Hand over samples; mute and volume act on them in place. Dropped while nobody listens. */
void usb_microphone_write(int16_t *pcm, uint32_t samples);

bool usb_microphone_streaming(void); /* a program on the host listens */
bool usb_microphone_muted(void);
int32_t usb_microphone_volume(void); /* 1/256 dB */

/* Counts since start. */
uint32_t usb_microphone_packets(void);   /* with samples */
uint32_t usb_microphone_lost(void);      /* samples the host did not fetch in time */
uint32_t usb_microphone_underruns(void); /* times no samples were ready for it */

#ifdef __cplusplus
}
#endif
#endif
