/*
 * infer.h
 *	  Types of columns, once what a run found is withdrawn.
 */
#ifndef MEDALLION_INFER_H
#define MEDALLION_INFER_H

#include "base/feature.h"

/*
 * Takes types back that only the withdrawn versions of a run had widened; then
 * silver is made anew by its next run.
 */
extern void InferAgain(const Feature *feature, int64 run_id);

#endif							/* MEDALLION_INFER_H */
