/* Tells an app how far the network is.
 *
 * Images are built with NN_PROFILE if their app includes this file. The engine then calls the app's
 * nn_profile() after each operation. In all other images it calls nothing. */
#ifndef OTOLITH_NN_PROFILE_H
#define OTOLITH_NN_PROFILE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef NN_PROFILE
void nn_profile(uint32_t operation); /* numbered from 0, as in the compiler's report */
#else
static inline void nn_profile(uint32_t operation) {
    (void)operation;
}
#endif

#ifdef __cplusplus
}
#endif
#endif
