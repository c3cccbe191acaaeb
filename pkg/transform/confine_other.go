//go:build !linux

package transform

// confine does nothing: the limits of this package are all there is.
func confine(int64) error { return nil }
