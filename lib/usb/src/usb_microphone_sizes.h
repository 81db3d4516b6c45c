/* Sizes that TinyUSB's settings need before its own headers are known. */
#ifndef OTOLITH_USB_MICROPHONE_SIZES_H
#define OTOLITH_USB_MICROPHONE_SIZES_H

/* 17 samples: a frame's 16 and the one by which a packet may be longer. */
#define USB_MICROPHONE_PACKET_BYTES 34
/* IAD 8; control interface 9, header 9, clock source 8, input terminal 17, feature unit 14, output
 * terminal 12; streaming interface 9 and 9, general 16, format 6, endpoint 7 and 8. */
#define USB_MICROPHONE_DESCRIPTOR_BYTES 132

#endif
