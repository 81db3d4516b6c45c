/* The microphone app of a board without USB: sends PCM frames over the serial port when asked. */
#include <stddef.h>

#include "pcm_stream.h"

int main(void) {
    int16_t pcm[MICROPHONE_BLOCK];
    pcm_stream_init("serial_mic", NULL, true);
    for (;;) {
        pcm_stream_turn(pcm);
        pcm_stream_pause(!pcm_stream_shown()); /* off while nobody listens */
        led_set(pcm_stream_shown() ? UINT16_MAX : 0);
        pcm_stream_rest();
    }
}
