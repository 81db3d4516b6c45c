// Runs the sketch: an interrupt of the microphone, then loop() until all sound is heard.
#include "PDM.h"

SerialClass Serial;
PDMClass PDM;

int PDMClass::begin(int channels, int rate) {
    return channels == 1 && rate == 16000;
}

int PDMClass::read(void *buffer, size_t bytes) {
    const int n = (int)bytes < held ? (int)bytes : held;
    memcpy(buffer, block, n);
    memmove(block, (char *)block + n, held - n);
    held -= n;
    return n;
}

bool PDMClass::turn() {
    held = (int)fread(block, 1, sizeof block, stdin);
    const bool more = held > 0;
    if (more && received) {
        received();
    }
    return more;
}

int main() {
    setup();
    while (PDM.turn()) {
        loop();
        loop();
    }
    for (int i = 0; i < 64; i++) {
        loop();
    }
}
