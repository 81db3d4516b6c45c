// Stands for Arduino's core: what a sketch of `host export --for arduino` uses of it.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct SerialClass {
    void begin(long) {
    }
    void print(const char *text) {
        fputs(text, stdout);
    }
    void print(char c) {
        putchar(c);
    }
    void print(double x) {
        printf("%.2f", x);
    }
    template <typename T> void println(T x) {
        print(x), putchar('\n');
    }
};
extern SerialClass Serial;
void setup();
void loop();
