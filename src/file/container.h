/*
 * container.h
 *	  Entries of a zip container, one open at a time.
 */
#ifndef MEDALLION_CONTAINER_H
#define MEDALLION_CONTAINER_H

#include "file/format.h"

typedef struct Container Container;

/* Reads the directory of the reader's file.  NULL: the reader has the reason. */
extern Container *ContainerOpen(Reader *reader);
extern void ContainerClose(Container *container);

/* Is there an entry of this path?  Case, slashes and a leading slash do not matter. */
extern bool ContainerHas(const Container *container, const char *path);

/* Opens an entry; reads it, at most CONTAINER_STEP bytes a call; 0 at its end,
 * which has then been proven whole by its checksum; -1 with the reason in the
 * reader. */
#define CONTAINER_STEP (128 * 1024)

extern ReaderStatus ContainerOpenEntry(Container *container, const char *path);
extern ptrdiff_t ContainerRead(Container *container, char *buffer, size_t length);
extern void ContainerCloseEntry(Container *container);

#endif							/* MEDALLION_CONTAINER_H */
