package fliplet

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// npm's crypto-js decrypts what we encrypt, and the other way round.
func TestF23CryptoJSDecrypts(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("there is no Node: run scripts/install-deps.sh node")
	}
	c := &cipherText{key: "a key of any length, with ü"}
	texts := []string{"a", "Jürgen 🙂", strings.Repeat("x", 15), strings.Repeat("x", 16), strings.Repeat("x", 10000)}
	var list []string
	for _, text := range texts {
		hidden, err := c.encrypt([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, hidden)
	}
	in, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "testdata/crypto-js/client.js", c.key)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Texts, Again []string }
	if err := json.Unmarshal(out, &got); err != nil || len(got.Texts) != len(texts) || len(got.Again) != len(texts) {
		t.Fatalf("%s, %v", out, err)
	}
	for i, text := range texts {
		if got.Texts[i] != text {
			t.Errorf("crypto-js reads %.50q, want %.50q", got.Texts[i], text)
		}
		if plain, err := c.decrypt(got.Again[i]); err != nil || string(plain) != text {
			t.Errorf("read %.50q of crypto-js, not %.50q, %v", plain, text, err)
		}
	}
}

func TestF23ColumnsAreHiddenAndShown(t *testing.T) {
	t.Parallel()
	c := &cipherText{key: "k", columns: []string{"a", "b", "n"}}
	hidden, err := c.hide([]byte(`{"id":1,"a":"x","b":null,"n":5,"c":"y"}`))
	if err != nil || strings.Contains(string(hidden), `"x"`) || strings.Contains(string(hidden), `"n":5`) || !strings.Contains(string(hidden), `"b":null`) || !strings.Contains(string(hidden), `"c":"y"`) {
		t.Errorf("%s, %v", hidden, err)
	}
	shown, err := c.show(hidden)
	if err != nil || string(shown) != `{"id":1,"a":"x","b":null,"n":"5","c":"y"}` {
		t.Errorf("%s, %v", shown, err)
	}
	if again, _ := c.hide([]byte(`{"id":1,"a":"x","b":null,"n":5,"c":"y"}`)); bytes.Equal(again, hidden) {
		t.Error("the salt is always the same")
	}
	if shown, err := c.show([]byte(`{"a":"x"}`)); err != nil || string(shown) == `{"a":"x"}` {
		t.Errorf("a plain text counts as encrypted: %s, %v", shown, err)
	}
	if _, err := c.hide([]byte(`{"a":{"x":1}}`)); err == nil || !strings.Contains(err.Error(), "column a is not a text") {
		t.Errorf("%v", err)
	}
	other := &cipherText{key: "another", columns: c.columns}
	if shown, err := other.show(hidden); err != nil || strings.Contains(string(shown), `"x"`) {
		t.Errorf("with another key it is %s, %v", shown, err)
	}
}

func FuzzDecrypt(f *testing.F) {
	c := &cipherText{key: "k"}
	text, _ := c.encrypt([]byte("text"))
	f.Add(text)
	f.Add("U2FsdGVkX1==")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = c.decrypt(text) })
}
