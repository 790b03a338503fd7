/*
 * graph.h
 *	  Which models read what, for gold's own files; see model.h for the rest.
 */
#ifndef MEDALLION_GRAPH_H
#define MEDALLION_GRAPH_H

#include "gold/model.h"

/* Raises if models depend on each other in a circle; a scratch view, while
 * there is one, stands for its model's. */
extern void CheckNoCycle(void);

/* Notes which state of its inputs a model is about to be computed from. */
extern void RecordInputs(const Model *model);

/* Likewise, of a model whose inputs are those of its last refresh. */
extern void RenewInputs(const Model *model);

#endif							/* MEDALLION_GRAPH_H */
