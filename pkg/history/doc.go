// Package history keeps how sites were over the last 30 days, in one small file: a record every five minutes for a day, and
// one every hour for 30 days.
//
//   - Promise 9: a damaged record counts as missing, a damaged place as free, and a file of another kind or node is set aside.
//   - Promise 10: a site takes 32 KiB of disk, and some bytes of memory; places and their number are bounded.
//
// A record's place follows from its time, so old days are overwritten, and nothing has to be rewritten or tidied up. What a
// record says is package fleet's business.
package history
