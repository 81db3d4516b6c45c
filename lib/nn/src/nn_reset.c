/* nn_reset() of a network without a state. A network that has one defines its own. */
#include "nn.h"

__attribute__((weak)) void nn_reset(void) {
}
