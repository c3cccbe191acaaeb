package standin

import (
	"crypto/md5" //nolint:gosec // as Fliplet does
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// FlipletFile is a file of the organization.
type FlipletFile struct {
	ID   int64
	Name string
	Body []byte
}

// The one organization, and its one folder once created.
const (
	flipletOrganization = 456
	flipletFolder       = 789
)

// Files returns the uploaded files.
func (f *Fliplet) Files() []FlipletFile {
	f.data.Lock()
	defer f.data.Unlock()
	return slices.Clone(f.files)
}

// media serves the files of the organization. Source: https://developers.fliplet.com/REST-API/fliplet-media.html.
func (f *Fliplet) media(w http.ResponseWriter, r *http.Request) {
	f.data.Lock()
	defer f.data.Unlock()
	organization, folder := fmt.Sprint(flipletOrganization), fmt.Sprint(flipletFolder)
	q := r.URL.Query()
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/organizations":
		answer(w, http.StatusOK, map[string]any{"organizations": []any{map[string]any{"id": flipletOrganization, "name": "acme"}}})
	case "GET /v1/media":
		folders, files := []any{}, []any{}
		switch {
		case q.Get("organizationId") != organization || q.Get("folderId") != "" && (q.Get("folderId") != folder || !f.made):
			refuse(w, http.StatusBadRequest, "there is no such organization or folder")
			return
		case q.Get("folderId") == "" && f.made:
			folders = append(folders, map[string]any{"id": 1, "name": "another"}, map[string]any{"id": flipletFolder, "name": "Files uploaded from DIS"})
		case q.Get("folderId") != "":
			for i := range f.files {
				files = append(files, f.described(&f.files[i]))
			}
		}
		answer(w, http.StatusOK, map[string]any{"folders": folders, "files": files})
	case "POST /v1/media/folders":
		var made map[string]any
		if json.NewDecoder(r.Body).Decode(&made) != nil || made["name"] != "Files uploaded from DIS" || made["organizationId"] != float64(flipletOrganization) || f.made {
			refuse(w, http.StatusBadRequest, "the folder is not valid")
			return
		}
		f.made = true
		answer(w, http.StatusOK, map[string]any{"id": flipletFolder, "name": made["name"]})
	case "POST /v1/media/files":
		file, header, err := r.FormFile("files")
		if err != nil || q.Get("folderId") != folder || q.Get("organizationId") != organization || q.Get("name") != header.Filename || !f.made {
			refuse(w, http.StatusBadRequest, "the file is not valid")
			return
		}
		body, err := io.ReadAll(file)
		if err != nil {
			return // the client is gone
		}
		f.next++
		f.files = append(f.files, FlipletFile{f.next, header.Filename, body})
		answer(w, http.StatusOK, map[string]any{"files": []any{f.described(&f.files[len(f.files)-1])}})
	default:
		refuse(w, http.StatusNotFound, "there is no such endpoint")
	}
}

// described is a file as the API shows it.
func (*Fliplet) described(file *FlipletFile) map[string]any {
	sum := md5.Sum(file.Body) //nolint:gosec // as Fliplet does
	return map[string]any{
		"id": file.ID, "name": file.Name, "url": fmt.Sprintf("https://cdn.fliplet.com/apps/2/%d", file.ID), "metadata": map[string]any{"checksum": hex.EncodeToString(sum[:])},
	}
}
