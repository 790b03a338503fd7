/*
 * target.h
 *	  What a model owns in the database: the view of its query and the table,
 *	  or view, of its result.  Called as the model's owner.
 */
#ifndef MEDALLION_TARGET_H
#define MEDALLION_TARGET_H

#include "base/sql.h"
#include "gold/model.h"

extern Oid	ViewOid(const Model *model);
extern Oid	TargetOid(const Model *model);

/* AsRole() for the model's owner, whose the relations of its name must be. */
extern void AsModelOwner(SavedIdentity *saved, const Model *model);

/* The query of a view, schema-qualified, without the final semicolon. */
extern char *ViewDefinition(Oid view);

/* Columns (char *) of a relation in their order. */
extern List *ColumnNames(Oid relation);

/* The columns of a relation as one string: to tell whether they are the same. */
extern char *RelationShape(Oid relation);

/* Makes the view say the model's query, whose columns are as in shape. */
extern void DefineView(const Model *model, const char *shape);

/* Makes the target, empty. */
extern void CreateTarget(const Model *model);
extern void DropTarget(const Model *model);

/* Gives the table the columns of the view; readers that are models may be
 * detached for it, until their own refresh. */
extern void MatchTable(const Model *model, bool detach_models);

/* Makes those of the model's relations that are missing. */
extern void RestoreModel(const Model *model);

/* Raises, naming them, if objects other than the model's own depend on it. */
extern void CheckNoDependents(const Model *model, Oid relation, const char *action);

#endif							/* MEDALLION_TARGET_H */
