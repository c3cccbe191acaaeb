package wire

import "math"

// mostDepth is how deep lists and objects may nest in a message of the extension.
const mostDepth = 16

// longest returns how many items the longest list or object of a JSON text has: a list takes many times as much memory as its
// text, so this is checked before it is parsed. Anything nested deeper than any message counts as endless.
func longest(b []byte) (most int) {
	var counts []int
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '[', '{':
			if counts = append(counts, 1); len(counts) > mostDepth {
				return math.MaxInt
			}
			most = max(most, 1)
		case ']', '}':
			if len(counts) > 0 {
				counts = counts[:len(counts)-1]
			}
		case ',':
			if at := len(counts) - 1; at >= 0 {
				counts[at]++
				most = max(most, counts[at])
			}
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		}
	}
	return most
}
