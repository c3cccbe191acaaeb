// Package http reads the rows of an HTTP API that answers with JSON, page by page.
//
// It promises:
//
//  1. However many pages there are, only one is in memory, and none larger than a limit.
//  2. A run ends. A page that was read before, whether by its address or its content, is an error, and so are too many.
//  3. Credentials go only to the API's own host. What an answer calls the next page is read only there, or on hosts that
//     the configuration names.
//  4. Reading changes nothing, so a dry run reads too: a POST is declared as a read.
//  5. The watermark moves only when all pages have been read, since an API need not sort its rows.
//
// Values take the form of package record: numbers that other programs cannot hold become strings, and nested objects and
// lists stay JSON.
package http
