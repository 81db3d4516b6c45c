/* main() of a sketch, and what Arduino.h declares. */
#include "Arduino.h"

extern "C" {
#include "board.h"
}

ConsoleSerial Serial;

ConsoleSerial::operator bool() const {
    return console_connected();
}

size_t ConsoleSerial::write(const uint8_t *data, size_t size) {
    size_t done = 0;
    while (done < size && console_connected()) {
        done += console_write(data + done, (uint32_t)(size - done));
        console_task();
    }
    return done;
}

void ConsoleSerial::print(unsigned long number) {
    char text[12];
    char *at = text + sizeof text;
    *--at = 0;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    print(at);
}

void ConsoleSerial::print(long number) {
    if (number < 0) {
        print('-');
    }
    print(number < 0 ? 0ul - (unsigned long)number : (unsigned long)number);
}

void ConsoleSerial::print(double number, int digits) {
    if (number < 0) {
        print('-');
        number = -number;
    }
    double half = 0.5;
    for (int i = 0; i < digits; i++) {
        half /= 10;
    }
    number += half;
    unsigned long whole = (unsigned long)number;
    print(whole);
    if (digits > 0) {
        print('.');
    }
    for (double rest = number - (double)whole; digits > 0; digits--) {
        rest *= 10;
        print((char)('0' + (int)rest));
        rest -= (int)rest;
    }
}

uint32_t millis() {
    return (uint32_t)(board_time_us() / 1000);
}

uint32_t micros() {
    return (uint32_t)board_time_us();
}

void delay(uint32_t ms) {
    const uint64_t end = board_time_us() + 1000ull * ms;
    while (board_time_us() < end) {
        console_task();
    }
}

int main() {
    board_init();
    setup();
    for (;;) {
        loop();
        console_task();
    }
}
