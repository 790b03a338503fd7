/*
 * retain.h
 *	  Rows that are past their time: no events.
 */
#ifndef MEDALLION_RETAIN_H
#define MEDALLION_RETAIN_H

#include "postgres.h"
#include "silver/typed.h"

/* Puts the horizon of a feature with option "retain" into its shape. */
extern void LoadHorizon(SilverShape *shape);

#endif							/* MEDALLION_RETAIN_H */
