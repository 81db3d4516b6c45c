/* The USB microphone app: microphone -> USB audio; sends PCM frames over the console when asked. */
#include "pcm_stream.h"
#include "usb.h"
#include "usb_microphone.h"

enum {
    LED_OFF = 0,
    LED_MUTED = 0x5000, /* streams silence */
    LED_STREAMING = 0xffff,
};

/* A suspended host gives little power: microphone and LED are off. */
static void follow_bus(void) {
    const bool suspended = usb_suspended();
    pcm_stream_pause(suspended);
    led_set(suspended || !usb_microphone_streaming() ? LED_OFF
            : usb_microphone_muted()                 ? LED_MUTED
                                                     : LED_STREAMING);
}

static void add_stats(json_t *line) {
    json_unsigned(line, "streaming", usb_microphone_streaming());
    json_unsigned(line, "muted", usb_microphone_muted());
    json_signed(line, "volume", usb_microphone_volume());
    json_unsigned(line, "packets", usb_microphone_packets());
    json_unsigned(line, "lost", usb_microphone_lost());
    json_unsigned(line, "underruns", usb_microphone_underruns());
}

int main(void) {
    int16_t pcm[MICROPHONE_BLOCK];
    pcm_stream_init("usb_mic", add_stats, false);
    for (;;) {
        if (pcm_stream_turn(pcm)) {
            usb_microphone_write(pcm, MICROPHONE_BLOCK);
        }
        follow_bus();
        pcm_stream_rest();
    }
}
