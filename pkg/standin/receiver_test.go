package standin

import (
	"net/http"
	"strings"
	"testing"
)

func TestReceiverRefusesUnsignedRequestsAndNonEvents(t *testing.T) {
	t.Parallel()
	const id = "8b5a3f0e-6f0f-5c55-9c3f-0a4bb5d0a111"
	good := `{"id":"` + id + `","kind":"insert","key":{"id":"1"},"row":{}}`
	for _, c := range []struct {
		name, secret, id, method, kind, body string
		want                                 int
	}{
		{"an event", "", id, "POST", "application/json", good, 204},
		{"a batch", "", id, "POST", "application/json", `{"events":[` + good + `]}`, 204},
		{"no id", "", "", "POST", "application/json", good, 400},
		{"a wrong id", "", strings.ToUpper(id), "POST", "application/json", good, 422},
		{"an insert sent with DELETE", "", id, "DELETE", "application/json", good, 422},
		{"not JSON", "", id, "POST", "text/plain", good, 415},
		{"not an event", "", id, "POST", "application/json", `[]`, 422},
		{"no signature", "s", id, "POST", "application/json", good, 401},
	} {
		r := NewReceiver(c.secret)
		t.Cleanup(r.Close)
		request, err := http.NewRequestWithContext(t.Context(), c.method, r.URL, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", c.kind)
		request.Header.Set("Idempotency-Key", c.id)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != c.want || (len(r.Rows()) == 1) != (c.want == 204) {
			t.Errorf("%s: status %d, want %d; it has %v", c.name, answer.StatusCode, c.want, r.Rows())
		}
	}
}
