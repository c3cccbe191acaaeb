package standin

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestD08SyncServerIsStrict(t *testing.T) {
	t.Parallel()
	const good = `{"entities":[{"guid":"g","entityGuid":"e","type":"t","data":{},"timestamp":"2024-01-01T00:00:00.000Z","userId":"u","syncLevel":1}]}`
	for _, c := range []struct {
		name, key, method, body string
		want                    int
	}{
		{"a push", "sk_1", "POST", good, 200},
		{"no key", "", "POST", good, 401},
		{"a wrong key", "sk_2", "POST", good, 404},
		{"too large", "sk_1", "POST", strings.Repeat(" ", 1001), 413},
		{"a wrong list", "sk_1", "POST", strings.Replace(good, "entities", "data", 1), 400},
		{"no events", "sk_1", "POST", `{"entities":[]}`, 400},
		{"an event without a level", "sk_1", "POST", strings.Replace(good, `,"syncLevel":1`, "", 1), 422},
		{"an invalid time", "sk_1", "POST", strings.Replace(good, "2024-01-01T", "2024-01-01 ", 1), 422},
		{"a wrong method", "sk_1", "PUT", good, 400},
		{"a pull", "sk_1", "GET", "", 200},
	} {
		s := NewSync("entities", "sk_1")
		t.Cleanup(s.Close)
		s.MaxBytes = 1000
		r, err := http.NewRequestWithContext(t.Context(), c.method, s.URL, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Api-Key", c.key)
		if c.key == "" {
			r.Header.Del("X-Api-Key")
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != c.want || (len(s.Events()) == 1) != (c.name == "a push") {
			t.Errorf("%s: status %d, want %d: %s", c.name, answer.StatusCode, c.want, text)
		}
	}
}
