package fliplet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// errTooLarge is the error of a file beyond the limit.
var errTooLarge = fmt.Errorf("it has more than %d MiB", mostFile>>20)

// local reads a file of this machine. If a directory is given, none outside it can be read, whatever a row says.
func (*Destination) local(_ context.Context, f *File, name string) (content, error) {
	directory := f.Directory
	if directory == "" {
		if !filepath.IsAbs(name) {
			return content{}, errors.New("its path is not absolute, and no directory is configured")
		}
		directory, name = filepath.Split(filepath.Clean(name))
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return content{}, errors.New("its directory cannot be opened")
	}
	defer root.Close()
	info, err := root.Stat(name) // opening a pipe would block
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return content{}, errors.New("there is no such file")
	case err != nil:
		return content{}, errors.New("its path leads out of the directory, or it cannot be read")
	case !info.Mode().IsRegular():
		return content{}, errors.New("it is not a regular file")
	}
	file, err := root.Open(name)
	if err != nil {
		return content{}, errors.New("it cannot be read")
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, mostFile+1))
	switch {
	case err != nil:
		return content{}, errors.New("it cannot be read")
	case len(body) > mostFile:
		return content{}, errTooLarge
	}
	return content{filepath.Base(name), body}, nil
}

// fetch requests a file. Its address comes from a row: unless the configuration allows it, a private one is refused, through
// which a row could make the connector publish what only it can reach. Headers are not sent to other hosts on
// redirects.
func (d *Destination) fetch(ctx context.Context, f *File, address string) (content, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return content{}, errors.New("its address does not begin with https:// or http://")
	}
	config := d.Fetch
	config.Base, config.MaxBytes = u.Scheme+"://"+u.Host, mostFile
	config.Header = http.Header{}
	for name, v := range f.Headers {
		config.Header.Set(name, v)
		config.Secrets = append(config.Secrets, v)
	}
	client, err := remote.New(config)
	if err != nil {
		return content{}, err
	}
	if f.Private {
		client = client.Anywhere()
	} else {
		client = client.Public()
	}
	answer, err := client.Do(ctx, &remote.Request{Operation: "fetch a file", Path: u.RequestURI(), Read: true})
	if errors.Is(err, remote.ErrPrivate) {
		return content{}, fmt.Errorf("%s has a private address; allow it with private: true", u.Host)
	}
	if err != nil {
		if e, ok := errors.AsType[*remote.Error](err); ok && e.Status >= http.StatusMultipleChoices {
			return content{}, fmt.Errorf("%s answered %d", u.Host, e.Status)
		}
		return content{}, fmt.Errorf("%s cannot be reached, or the file has more than %d MiB", u.Host, mostFile>>20)
	}
	name := path.Base(u.Path)
	if path.Ext(name) == "" {
		kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
		if list, err := mime.ExtensionsByType(kind); err == nil && len(list) > 0 {
			name += list[0]
		}
	}
	return content{name, answer.Body}, nil
}

// safeName reduces a file's name to harmless characters.
func safeName(name string) string {
	name = strings.Map(func(c rune) rune {
		if c < ' ' || strings.ContainsRune(`/\"<>|:*?`, c) {
			return '_'
		}
		return c
	}, strings.ToValidUTF8(name, "_"))
	const most = 200
	if len(name) > most {
		name = strings.ToValidUTF8(name[len(name)-most:], "")
	}
	return name
}
