/*
 * declare.h
 *	  What a model's options declare about its table: keys, indexes, comments.
 */
#ifndef MEDALLION_DECLARE_H
#define MEDALLION_DECLARE_H

#include "gold/groups.h"
#include "gold/model.h"

/* Brings keys, constraints, indexes and comments of the target to what the
 * options say, as the model's owner; what is right stays untouched.  A
 * foreign key to a table that is not there yet waits for the next refresh. */
extern void DeclareTarget(const Model *model);

/* Makes the index by which a refresh finds old rows of the keys touched. */
extern void DeclareGroupIndex(const Model *model, const GroupPlan *groups);

/* Raises if a row of the model refers to nothing by a key that is enforced. */
extern void CheckForeignKeys(const Model *model);

#endif							/* MEDALLION_DECLARE_H */
