package backup

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// longestKey is how many bytes the key of the newest copy may have: S3 allows 1024, and other objects of the connector
// have slightly longer names.
const longestKey = 960

// expand returns the key that a template gives; "" is the default template.
func expand(template string, who ledger.Identity, state string) (string, error) {
	if template == "" {
		template = defaultKey
	}
	var key strings.Builder
	for rest := template; ; {
		before, after, found := strings.Cut(rest, "{")
		if strings.Contains(before, "}") {
			return "", errors.New("has a } without a {")
		}
		key.WriteString(before)
		if !found {
			break
		}
		name, after, found := strings.Cut(after, "}")
		if !found {
			return "", errors.New("has a { without a }")
		}
		values := map[string]string{"org": who.Org, "hub": who.Hub, "id": who.Connector, "file": filepath.Base(state)}
		value, known := values[name]
		switch {
		case !known:
			return "", fmt.Errorf("has {%s}, but only {org}, {hub}, {id} and {file} are known", name)
		case value == "":
			return "", fmt.Errorf("has {%s}: set connector.%s, or choose another key", name, name)
		case strings.ContainsAny(value, "/\\"):
			return "", fmt.Errorf("has {%s}, which is %q: a slash would lead to another place", name, value)
		}
		key.WriteString(value)
		rest = after
	}
	if !strings.Contains(template, "{id}") {
		return "", errors.New("lacks {id}: connectors would overwrite each other's copies")
	}
	return key.String(), valid(key.String())
}

// valid returns what is wrong with a key, for services and for people who copy it into a folder.
func valid(key string) error {
	switch {
	case !utf8.ValidString(key):
		return errors.New("is not UTF-8")
	case len(key) > longestKey:
		return fmt.Errorf("has %d bytes, more than %d", len(key), longestKey)
	case strings.ContainsFunc(key, unicode.IsControl):
		return errors.New("has a control character")
	case strings.HasPrefix(key, "/"):
		return errors.New("begins with a slash")
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("has the part %q between slashes", part)
		}
	}
	return nil
}

// stamp is the time format in the names of older copies: they sort by time.
const stamp = "20060102T150405Z"

// shelved returns the key of an older copy.
func shelved(key string, at time.Time) string { return key + "." + at.UTC().Format(stamp) }

// shelvedAt returns when the copy with a key was made; false if the key is not a copy's.
func shelvedAt(newest, key string) (time.Time, bool) {
	suffix, ok := strings.CutPrefix(key, newest+".")
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(stamp, suffix)
	return at, err == nil
}

// leaseKey returns the key of the lease.
func leaseKey(key string) string { return key + ".lease" }
