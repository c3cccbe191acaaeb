package wire

// String names what a topic carries, for logs.
func (k Kind) String() string {
	switch k {
	case InfoAll:
		return "presence"
	case HereOf:
		return "presence"
	case InfoMe:
		return "answer"
	case ChangeTo:
		return "change"
	case Announce:
		return "announcement"
	case BatchTo:
		return "batch"
	case BatchAckFor:
		return "batch ack"
	case VerifyFor:
		return "verify"
	case JoinTo, JoinedBy:
		return "join"
	}
	return "unknown"
}
