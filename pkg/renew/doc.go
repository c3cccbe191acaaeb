// Package renew gives rows further versions, as if they were written again as they are, where that is what heals: rows that were
// written when a clock was far ahead, and that nobody takes, and rows that a remote did not take since somebody made it believe
// that it knows later writes. Promises 1 and 4.
package renew
