// Package fliplet reads the entries of a Fliplet data source, page by page: no more than one page is in memory
// (promise 12).
//
// Source: https://developers.fliplet.com/REST-API/fliplet-datasources.html#run-queries-on-a-data-source. The account
// and its limits are those of package destination/fliplet, from which the caller makes the client.
package fliplet
