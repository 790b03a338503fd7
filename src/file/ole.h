/*
 * ole.h
 *	  Streams of an OLE2 compound file, the container of Excel's older
 *	  workbooks and of encrypted newer ones.
 */
#ifndef MEDALLION_OLE_H
#define MEDALLION_OLE_H

#include "file/format.h"

typedef struct Ole Ole;
typedef struct OleStream OleStream;

/* Reads the allocation table and the directory of the reader's file.  NULL:
 * the reader has the reason. */
extern Ole *OleOpen(Reader *reader);
extern void OleClose(Ole *ole);

/* Is there a stream of this name (ASCII, case does not matter) at the top?
 * READER_END if not. */
extern ReaderStatus OleFind(Ole *ole, const char *name, uint32_t *entry);

/* Opens a stream that OleFind() found.  NULL: the reader has the reason. */
extern OleStream *OleOpenStream(Ole *ole, uint32_t entry);
extern uint64_t OleStreamSize(const OleStream *stream);
extern void OleCloseStream(OleStream *stream);

/* Reads up to length bytes at an offset of the stream; fewer only at its end;
 * -1 with the reason in the reader. */
extern ptrdiff_t OleRead(OleStream *stream, void *buffer, size_t length, uint64_t offset);

#endif							/* MEDALLION_OLE_H */
