package join

// SealPacked seals the text of an answer, however large it is.
func (s Shared) SealPacked(plain []byte, ask string) ([]byte, error) { return s.packed(plain, ask) }
