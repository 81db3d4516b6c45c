/* The wire protocol between board and computer, over USB CDC or UART: lines of JSON to the
 * computer, command lines to the board, binary frames both ways. Includes all an app needs. */
#ifndef OTOLITH_WIRE_H
#define OTOLITH_WIRE_H

#include "session.h"

#endif
