package transform

var program string

func newProcesses(args ...any) runner { panic("later") }
