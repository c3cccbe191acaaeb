package receive

import "github.com/mysql-sync/mysql-sync/pkg/wire"

// PeekSender returns the value of the first key "sender" of a JSON object, or "" if it is not a client's name. It
// allocates nothing and looks at each byte once: the sender of a version 1 message is known before the message is
// parsed.
func PeekSender(b []byte) string {
	depth, key, wanted := 0, true, false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
			key = depth == 1
		case '}', ']':
			depth--
		case ',':
			key = depth == 1
		case ':':
			key = false
		case '"':
			end := i + 1
			for end < len(b) && b[end] != '"' {
				if b[end] == '\\' {
					end++
				}
				end++
			}
			if end >= len(b) {
				return ""
			}
			text := b[i+1 : end]
			if depth == 1 && !key && wanted {
				if name := string(text[:min(len(text), 64)]); wire.ValidClient(name) {
					return name
				}
				return ""
			}
			wanted = depth == 1 && key && string(text) == "sender"
			i = end
		}
	}
	return ""
}
