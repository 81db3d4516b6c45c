/* The line protocol and framing spoken over CDC or UART: everything an app needs. */
#ifndef OTOLITH_WIRE_H
#define OTOLITH_WIRE_H

#include "session.h"

#endif
