/* Vectors and semihosting of a program that is all there is on the core. The program defines
 * reset().
 */
#ifndef OTOLITH_TESTS_SEMIHOST_H
#define OTOLITH_TESTS_SEMIHOST_H

#include <stdint.h>

void reset(void);
extern uint32_t stack_top;
__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {&stack_top,
                                                                                   (void *)reset};

static int semihost(int operation, const void *argument) {
    register int r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

enum { WRITE0 = 4, EXIT = 0x18, EXIT_OK = 0x20026 };

#endif
