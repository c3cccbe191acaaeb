// Package renew gives rows new versions, as if they were written again unchanged, where that is
// what heals: rows that were written while a clock was far ahead, and that no one accepts, and rows
// that a remote did not accept because someone made it believe that it knows later writes. Promises
// 1 and 4.
package renew
