// Package http reads the rows of an HTTP API that answers with JSON, page by page.
//
// It promises:
//
//  1. However many pages there are, only one is in memory, and none larger than a limit.
//  2. Every run ends: a page that was read before, by its address or its content, is an error, and so are too many pages.
//  3. Credentials go only to the API's own host. The address of a next page is followed only there, or to hosts that
//     the configuration names.
//  4. Reading changes nothing, so dry runs read too: a POST is declared as a read.
//  5. The watermark moves only when all pages have been read, since APIs need not sort their rows.
//
// Values take the form of package record: numbers that other programs cannot represent become strings, and nested objects and
// lists stay JSON.
package http
