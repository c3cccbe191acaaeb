package seal

// windowSize is how far behind a session's latest message another may be. MQTT
// keeps the order of a connection; messages on their way when one broke, a few
// hundred at most, may come again afterwards.
const windowSize = 1024

// window remembers which numbers of a session have come, as in RFC 6479: each of the
// last windowSize; all before count as come.
type window struct {
	top  uint64
	bits [windowSize/64 + 1]uint64 // one word more, so that a word is cleared as a whole
}

// seen reports whether a number has come, or is too old to tell. 0 is no number.
func (w *window) seen(n uint64) bool {
	if n > w.top {
		return false
	}
	return n == 0 || w.top-n >= windowSize || w.bits[n/64%uint64(len(w.bits))]&(1<<(n%64)) != 0
}

// take notes that a number has come; it returns false if it had come before.
func (w *window) take(n uint64) bool {
	if w.seen(n) {
		return false
	}
	if n > w.top {
		words := uint64(len(w.bits))
		for i := range min(n/64-w.top/64, words) {
			w.bits[(w.top/64+1+i)%words] = 0
		}
		w.top = n
	}
	w.bits[n/64%uint64(len(w.bits))] |= 1 << (n % 64)
	return true
}
