package fliplet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// folderName is the folder to which Fliplet Agent uploads too.
const folderName = "Files uploaded from DIS"

// storedFile is a file that Fliplet has.
type storedFile struct {
	ID       int64  `json:"id"`
	URL      string `json:"url"`
	Metadata struct {
		Checksum string `json:"checksum"`
	} `json:"metadata"`
}

// media is the folder of uploaded files. It is safe for concurrent use: one file is uploaded at a time.
type media struct {
	mu           sync.Mutex
	known        map[string]storedFile // by MD5; nil: the folder has not been read yet
	organization int64
	folder       int64
}

// forget makes the folder be read again.
func (m *media) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = nil
}

// put returns the file with a checksum, after uploading it if there is none.
func (m *media) put(ctx context.Context, client *remote.Client, c content, checksum string) (storedFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		if err := m.open(ctx, client); err != nil {
			return storedFile{}, err
		}
	}
	if stored, ok := m.known[checksum]; ok {
		return stored, nil
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("files", c.name)
	if err == nil {
		_, err = part.Write(c.body)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return storedFile{}, err
	}
	var answer struct {
		Files []storedFile `json:"files"`
	}
	err = ask(ctx, client, &remote.Request{
		Operation: "upload a file", Method: http.MethodPost, Path: "/v1/media/files", Body: body.Bytes(), Header: http.Header{"Content-Type": {w.FormDataContentType()}},
		Query: url.Values{"folderId": {number(m.folder)}, "name": {c.name}, "organizationId": {number(m.organization)}},
	}, &answer)
	if err != nil {
		return storedFile{}, err
	}
	if len(answer.Files) != 1 || answer.Files[0].URL == "" {
		return storedFile{}, errors.New("upload a file: the answer does not say where it is")
	}
	m.known[checksum] = answer.Files[0]
	return answer.Files[0], nil
}

// folder is one of an organization.
type folder struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// open finds or creates the folder, and reads its contents.
func (m *media) open(ctx context.Context, client *remote.Client) error {
	var organizations struct {
		Organizations []folder `json:"organizations"`
	}
	if err := ask(ctx, client, &remote.Request{Operation: "find the organization", Path: "/v1/organizations", Read: true}, &organizations); err != nil {
		return err
	}
	if len(organizations.Organizations) == 0 {
		return errors.New("find the organization: the token belongs to none")
	}
	m.organization = organizations.Organizations[0].ID
	in := url.Values{"organizationId": {number(m.organization)}}
	var list struct {
		Folders []folder     `json:"folders"`
		Files   []storedFile `json:"files"`
	}
	if err := ask(ctx, client, &remote.Request{Operation: "find the folder", Path: "/v1/media", Query: in, Read: true}, &list); err != nil {
		return err
	}
	m.folder = 0
	for _, f := range list.Folders {
		if f.Name == folderName && m.folder == 0 {
			m.folder = f.ID
		}
	}
	known := map[string]storedFile{}
	if m.folder == 0 {
		text, err := json.Marshal(map[string]any{"name": folderName, "organizationId": m.organization})
		if err != nil {
			return err
		}
		var made folder
		if err := ask(ctx, client, &remote.Request{Operation: "create the folder", Method: http.MethodPost, Path: "/v1/media/folders", Body: text}, &made); err != nil {
			return err
		}
		m.folder, m.known = made.ID, known
		return nil
	}
	in.Set("folderId", number(m.folder))
	list.Files = nil
	if err := ask(ctx, client, &remote.Request{Operation: "read the folder", Path: "/v1/media", Query: in, Read: true, MaxBytes: mostFile}, &list); err != nil {
		return err
	}
	for _, f := range list.Files {
		if f.Metadata.Checksum != "" && f.URL != "" {
			known[f.Metadata.Checksum] = f
		}
	}
	m.known = known
	return nil
}

// ask sends a request, and decodes the answer.
func ask(ctx context.Context, client *remote.Client, r *remote.Request, into any) error {
	answer, err := client.Do(ctx, r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return fmt.Errorf("%s: the answer is not what the API's documentation says", r.Operation)
	}
	return nil
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
