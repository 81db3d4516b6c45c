// Stands for Arduino's PDM library: hands out raw PCM from standard input in small blocks.
#pragma once
#include "Arduino.h"

class PDMClass {
  public:
    int begin(int channels, int rate);
    void onReceive(void (*callback)()) {
        received = callback;
    }
    int available() {
        return held;
    }
    int read(void *buffer, size_t bytes);
    bool turn(); // one interrupt; false at the end of the input

  private:
    void (*received)() = nullptr;
    int16_t block[160];
    int held = 0;
};
extern PDMClass PDM;
