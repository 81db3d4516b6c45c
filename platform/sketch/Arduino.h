/* What a sketch (.ino) finds on Otolith's platform: setup(), loop(), time, and Serial on the
 * board's console. The microphone is that of board.h. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

class ConsoleSerial {
  public:
    /* The console has its own speed. */
    void begin(unsigned long baud) {
        (void)baud;
    }
    /* Whether a computer listens. */
    explicit operator bool() const;
    size_t write(const uint8_t *data, size_t size);
    void print(const char *text) {
        write((const uint8_t *)text, strlen(text));
    }
    void print(char c) {
        write((const uint8_t *)&c, 1);
    }
    void print(int number) {
        print((long)number);
    }
    void print(unsigned number) {
        print((unsigned long)number);
    }
    void print(long number);
    void print(unsigned long number);
    void print(double number, int digits = 2);
    void println() {
        print("\r\n");
    }
    template <typename T> void println(T value) {
        print(value), println();
    }
};
extern ConsoleSerial Serial;

uint32_t millis();
uint32_t micros();
void delay(uint32_t ms);
void setup();
void loop();
