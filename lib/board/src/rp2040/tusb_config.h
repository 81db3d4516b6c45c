/* TinyUSB settings: one CDC port. */
#ifndef OTOLITH_TUSB_CONFIG_H
#define OTOLITH_TUSB_CONFIG_H

#ifndef CFG_TUSB_MCU
#define CFG_TUSB_MCU OPT_MCU_RP2040
#endif
#ifndef CFG_TUSB_OS
#define CFG_TUSB_OS OPT_OS_PICO
#endif
#define CFG_TUSB_RHPORT0_MODE OPT_MODE_DEVICE
#define CFG_TUSB_DEBUG 0

#define CFG_TUD_ENDPOINT0_SIZE 64
#define CFG_TUD_CDC 1
/* Room for a frame of PCM while the last one is worked on. */
#define CFG_TUD_CDC_RX_BUFSIZE 2048
/* Room for what a hop may say: a scores line and four feature frames of 257 bands. */
#define CFG_TUD_CDC_TX_BUFSIZE 4096

#endif
