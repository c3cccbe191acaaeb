package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A file is a row of places, the first of which is the node's own. A place begins with the site's name.
const (
	headSize   = 512
	placeSize  = headSize + records*recordSize // 32 KiB
	mostPlaces = 4096
	mostName   = 64
	magic      = "mysql-sync history 1\n"
)

// ErrNone is returned for a site without a history.
var ErrNone = errors.New("nothing has been recorded about it")

// Path returns a node's file.
func Path(directory, client string) string { return filepath.Join(directory, client+".history") }

// Aside returns the path of a file of another kind, which Open has renamed.
func Aside(directory, client string) string { return Path(directory, client) + unreadable }

const unreadable = ".unreadable"

// File is a history that is being written. Its methods must not be called at the same time.
type File struct {
	file   *os.File
	places map[string]int // by site
	free   []int
	next   int // the first place that was never used
}

// Open opens the history of a node, or begins one. A file that is not one of this node is renamed first: aside is its new name.
// damaged counts the places that could not be read and count as free.
func Open(path, client string) (f *File, aside string, damaged int, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, "", 0, fmt.Errorf("open the history: %w", err)
	}
	f = &File{file: file, places: map[string]int{}}
	if damaged, err = f.load(client); err == nil {
		return f, "", damaged, nil
	}
	_ = file.Close()
	if !errors.Is(err, errForeign) {
		return nil, "", 0, fmt.Errorf("read the history %s: %w", path, err)
	}
	aside = path + unreadable
	if err := os.Rename(path, aside); err != nil {
		return nil, "", 0, fmt.Errorf("set aside the history: %w", err)
	}
	f, _, _, err = Open(path, client)
	return f, aside, 0, err
}

// errForeign says that a file is no history of the node.
var errForeign = errors.New("it is not a history of this node")

// load reads the names of the places.
func (f *File) load(client string) (damaged int, err error) {
	info, err := f.file.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() == 0 {
		f.next = 1
		f.places[client] = 0
		return 0, f.name(0, client)
	}
	names, damaged, err := names(f.file, client)
	if err != nil {
		return 0, err
	}
	f.next = len(names)
	for i, name := range names {
		if name == "" {
			f.free = append(f.free, i)
		} else {
			f.places[name] = i
		}
	}
	return damaged, nil
}

// names returns the site of each place of a node's history, "" for a free one.
func names(file io.ReaderAt, client string) (list []string, damaged int, err error) {
	seen := map[string]bool{}
	for i := range mostPlaces {
		var head [headSize]byte
		n, err := file.ReadAt(head[:], int64(i)*placeSize)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, 0, err
		}
		if n == 0 && i > 0 {
			break
		}
		name := parseHead(head[:])
		switch {
		case i == 0 && name != client:
			return nil, 0, errForeign
		case name == "" && !bytes.Equal(head[:], make([]byte, headSize)), seen[name] && name != "":
			name = ""
			damaged++
		}
		seen[name] = true
		list = append(list, name)
	}
	return list, damaged, nil
}

// head returns the beginning of a site's place.
func head(site string) []byte {
	b := make([]byte, headSize)
	copy(b, magic)
	b[len(magic)] = byte(len(site))
	copy(b[len(magic)+1:], site)
	binary.LittleEndian.PutUint32(b[headSize-4:], crc32.ChecksumIEEE(b[:headSize-4]))
	return b
}

// parseHead returns the site that head was given, or "" for other bytes.
func parseHead(b []byte) string {
	n := int(b[len(magic)])
	if n == 0 || n > mostName || !bytes.HasPrefix(b, []byte(magic)) || binary.LittleEndian.Uint32(b[headSize-4:]) != crc32.ChecksumIEEE(b[:headSize-4]) {
		return ""
	}
	return string(b[len(magic)+1:][:n])
}

// name gives a place to a site; "" frees it.
func (f *File) name(place int, site string) error {
	b := make([]byte, headSize)
	if site != "" {
		b = head(site)
	}
	_, err := f.file.WriteAt(b, int64(place)*placeSize)
	return err
}

// place returns a site's place, which it gets at its first record.
func (f *File) place(site string) (int, error) {
	if i, ok := f.places[site]; ok {
		return i, nil
	}
	i := f.next
	switch {
	case site == "" || len(site) > mostName:
		return 0, fmt.Errorf("%.40q is not the name of a site", site)
	case len(f.free) > 0:
		i = f.free[0]
	case i == mostPlaces:
		return 0, fmt.Errorf("the history has no room for more than %d sites", mostPlaces)
	}
	if err := f.name(i, site); err != nil {
		return 0, err
	}
	if len(f.free) > 0 {
		f.free = f.free[1:]
	} else {
		f.next++
	}
	f.places[site] = i
	return i, nil
}

// Add adds a sample to the records of its five minutes and of its hour. It does not wait for the disk; see Sync.
func (f *File) Add(site string, now time.Time, s Sample) error {
	place, err := f.place(site)
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	now = now.UTC()
	hour := now.Truncate(month.every)
	const inHour = 12
	var five [inHour * recordSize]byte // those of the hour, which are adjacent
	first := day.place(hour)
	if _, err := f.file.ReadAt(five[:], offset(place, first)); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the history: %w", err)
	}
	at := now.Truncate(day.every)
	sum := Record{At: hour}
	var one Record
	for i := range inHour {
		begin := hour.Add(time.Duration(i) * day.every)
		r, ok := decode(site, five[i*recordSize:][:recordSize])
		if !ok || !r.At.Equal(begin) {
			r = Record{At: begin}
		}
		if begin.Equal(at) {
			r = r.with(s)
			one = r
		}
		sum = sum.and(r)
	}
	for where, r := range map[int]Record{day.place(at): one, month.place(hour): sum} {
		b := r.encode(site)
		if _, err := f.file.WriteAt(b[:], offset(place, where)); err != nil {
			return fmt.Errorf("write the history: %w", err)
		}
	}
	return nil
}

func offset(place, record int) int64 {
	return int64(place)*placeSize + headSize + int64(record)*recordSize
}

// Tidy frees the places of sites that no longer exist and about which nothing has been recorded for 30 days.
func (f *File) Tidy(exists func(site string) bool, now time.Time) error {
	for site, place := range f.places {
		if place == 0 || exists(site) {
			continue
		}
		all, err := content(f.file, place)
		if err != nil {
			return fmt.Errorf("read the history: %w", err)
		}
		if len(month.series(site, all, now)) > 0 {
			continue
		}
		if err := f.name(place, ""); err != nil {
			return fmt.Errorf("write the history: %w", err)
		}
		delete(f.places, site)
		f.free = append(f.free, place)
	}
	return nil
}

// Sync waits until all that was added is on the disk.
func (f *File) Sync() error { return f.file.Sync() }

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// content returns the records of a place; those that were never written are zero.
func content(file io.ReaderAt, place int) ([]byte, error) {
	b := make([]byte, records*recordSize)
	if _, err := file.ReadAt(b, offset(place, 0)); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

// Read returns what a node's file says about a site at the time now: the records of the last day and of the last 30 days, the
// oldest first. The file may be in use. The error is ErrNone if there are none.
func Read(path, client, site string, now time.Time) (ofDay, ofMonth []Record, err error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, ErrNone
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the history: %w", err)
	}
	defer file.Close()
	list, _, err := names(file, client)
	if err != nil {
		return nil, nil, fmt.Errorf("read the history %s: %w", path, err)
	}
	for place, name := range list {
		if name != site {
			continue
		}
		all, err := content(file, place)
		if err != nil {
			return nil, nil, fmt.Errorf("read the history: %w", err)
		}
		return day.series(site, all, now.UTC()), month.series(site, all, now.UTC()), nil
	}
	return nil, nil, ErrNone
}
