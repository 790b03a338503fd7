/*
 * encode_number.h
 *	  Numbers of all types -> one decimal form.
 */
#ifndef MEDALLION_ENCODE_NUMBER_H
#define MEDALLION_ENCODE_NUMBER_H

#include "silver/encode.h"

/* A numeric, its header of either length. */
extern void AppendNumeric(StringInfo out, const struct varlena *value);

extern void EncodeNumeric(StringInfo out, FieldType *type, Datum value);
extern void EncodeInt2(StringInfo out, FieldType *type, Datum value);
extern void EncodeInt4(StringInfo out, FieldType *type, Datum value);
extern void EncodeInt8(StringInfo out, FieldType *type, Datum value);
extern void EncodeOid(StringInfo out, FieldType *type, Datum value);
extern void EncodeFloat4(StringInfo out, FieldType *type, Datum value);
extern void EncodeFloat8(StringInfo out, FieldType *type, Datum value);

#endif							/* MEDALLION_ENCODE_NUMBER_H */
