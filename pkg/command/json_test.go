package command_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/command"
)

// No control character of a value reaches a terminal in JSON, and the value stays what it is.
func TestJSONHasNoControls(t *testing.T) {
	t.Parallel()
	var text string
	for r := rune(1); r < 0x180; r++ {
		text += string(r)
	}
	text += "é日本\u009b2Jx\x7f"
	var b bytes.Buffer
	if err := command.JSON(&b).Encode(map[string]string{text: text}); err != nil {
		t.Fatal(err)
	}
	for _, r := range string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))) {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			t.Errorf("%U is in the output", r)
		}
	}
	var back map[string]string
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back[text] != text {
		t.Errorf("the value is %q afterwards: %v", back, err)
	}
}
