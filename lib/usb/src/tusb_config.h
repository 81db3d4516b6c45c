/* TinyUSB's settings: one CDC port, and one UAC2 microphone with OTOLITH_USB_MICROPHONE. The chip
 * family's build defines MCU and OS. */
#ifndef OTOLITH_TUSB_CONFIG_H
#define OTOLITH_TUSB_CONFIG_H

#define CFG_TUSB_RHPORT0_MODE OPT_MODE_DEVICE
#define CFG_TUSB_DEBUG 0

#define CFG_TUD_ENDPOINT0_SIZE 64
#define CFG_TUD_CDC 1
/* Room for a frame of PCM while the one before is handled. */
#define CFG_TUD_CDC_RX_BUFSIZE 2048
/* Room for what a hop may send: a scores line and four feature frames of 257 bands. */
#define CFG_TUD_CDC_TX_BUFSIZE 4096

#ifdef OTOLITH_USB_MICROPHONE
#include "usb_microphone_sizes.h"
#define CFG_TUD_AUDIO 1
#define CFG_TUD_AUDIO_FUNC_1_DESC_LEN USB_MICROPHONE_DESCRIPTOR_BYTES
#define CFG_TUD_AUDIO_FUNC_1_N_AS_INT 1
#define CFG_TUD_AUDIO_FUNC_1_CTRL_BUF_SZ 64
#define CFG_TUD_AUDIO_ENABLE_EP_IN 1
#define CFG_TUD_AUDIO_FUNC_1_EP_IN_SZ_MAX USB_MICROPHONE_PACKET_BYTES
#define CFG_TUD_AUDIO_FUNC_1_EP_IN_SW_BUF_SZ USB_MICROPHONE_PACKET_BYTES
/* packetizer.h says how many samples a packet has */
#define CFG_TUD_AUDIO_EP_IN_FLOW_CONTROL 0
#endif

#endif
