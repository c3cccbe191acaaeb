package config

// How local writes are noticed: the values of the key capture.
const (
	CaptureTrigger = "trigger"
	CaptureLog     = "log"
	CaptureAuto    = "auto" // from the log, if the server has all that it needs
)
