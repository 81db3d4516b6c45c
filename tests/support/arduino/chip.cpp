// Starts the sketch's program on a bare Cortex-M4 in QEMU; newlib's semihosting is its console.
// The microphone reads sound.pcm of QEMU's working folder.
#include "Arduino.h"

extern "C" {
void _start();
extern uint32_t stack_top;

// newlib calls _init() and _fini(); there is nothing for them to do
void _init() {
}
void _fini() {
}

static void reset() {
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20; // CPACR: floating-point unit on
    _start();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {&stack_top,
                                                                                   (void *)reset};
}

static const bool opened = freopen("sound.pcm", "rb", stdin) != nullptr;
