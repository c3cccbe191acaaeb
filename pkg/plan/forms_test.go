package plan_test

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// A job's form has the keys of the existing sources and destinations, and shows what is in the file.
func TestJobFormsFollowTheirSourcesAndDestinations(t *testing.T) {
	t.Parallel()
	given := map[string]any{
		"sources":      map[string]any{"shelf": map[string]any{"type": "files"}, "box": map[string]any{"type": "files"}, "odd": map[string]any{"type": "unknown"}},
		"destinations": map[string]any{"wall": map[string]any{"type": "stones"}},
		"jobs": map[string]any{"j": map[string]any{
			"from": map[string]any{"source": "shelf", "name": "b", "nmae": "hunter2"},
			"to":   []any{map[string]any{"destination": "wall", "mode": "replace"}, map[string]any{"destination": "gone", "mode": "hunter2"}},
		}},
	}
	s, err := kinds.Forms(given)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(s.Redact(given).(map[string]any)["jobs"])
	if want := "map[j:map[from:map[name:b nmae:*** source:shelf] to:[map[destination:wall mode:replace] map[destination:*** mode:***]]]]"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	form := s.Property("jobs").AdditionalProperties.Schema.Property("from").Form()
	if len(form.Kinds) != 1 || fmt.Sprint(form.Kinds[0].Fields[0].Enum) != "[box shelf]" || form.By != "source" {
		t.Errorf("%+v", form)
	}
	if last := form.Kinds[0].Fields[len(form.Kinds[0].Fields)-1]; last.Name != "name" || !last.Required {
		t.Errorf("%+v", last)
	}
}

// A text is checked as if it were the file.
func TestATextIsReadInPlaceOfTheFile(t *testing.T) {
	t.Parallel()
	p, _, err := plan.ReadText("nowhere/connector.yaml", []byte(whole), []string{"FOLDER=/x"}, kinds)
	if err != nil || p.Sources["shelf"].Settings["folder"] != "/x" {
		t.Errorf("%+v, %v", p, err)
	}
}
