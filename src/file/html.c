#include "file/format.h"
const FormatOps html_format;
