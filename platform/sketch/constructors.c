/* Runs the constructors of C++ before main(). Otolith's own apps are C and have none; the RP2040's
 * start-up runs them itself. constructors.ld collects them. */
extern void (*const __init_array_start[])(void);
extern void (*const __init_array_end[])(void);

int __real_main(void);
int __wrap_main(void);

/* C++ registers destructors of static objects with it; nothing ends here. */
void *__dso_handle;

int __wrap_main(void) {
    for (void (*const *run)(void) = __init_array_start; run < __init_array_end; run++) {
        (*run)();
    }
    return __real_main();
}
