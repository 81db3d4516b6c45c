/* Standard input -> wire_receive -> one line an event. Built with sanitizers by test_wire.py. */
#include <stdio.h>

#include "receiver.h"

int main(void) {
    static wire_receiver_t receiver;
    wire_receiver_init(&receiver);
    for (int byte = getchar(); byte != EOF; byte = getchar()) {
        const wire_event_t event = wire_receive(&receiver, (uint8_t)byte);
        if (event == WIRE_LINE) {
            printf("line ");
            for (const char *c = receiver.line; *c; c++) {
                printf("%02x", (uint8_t)*c);
            }
            printf("\n");
        } else if (event == WIRE_FRAME) {
            printf("frame ");
            for (uint32_t i = 0; i < receiver.payload_size; i++) {
                printf("%02x", receiver.payload[i]);
            }
            printf("\n");
        } else if (event != WIRE_NOTHING) {
            printf("%d\n", (int)event);
        }
    }
    return 0;
}
